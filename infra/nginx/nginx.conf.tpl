# Mosaic Federation front: TLS, client certificates, revocation list. Rendered by `mosaic infra nginx`.
# The gateway is reached through unix sockets only, so nothing but this front can speak for a client certificate.
# It needs njs and the stream module: libnginx-mod-http-js and libnginx-mod-stream in Debian; nginx.org has stream built in.
@LOAD_MODULES@
worker_processes @WORKERS@;
worker_rlimit_nofile @OPEN_FILES@;
# After a reload no connection keeps a worker from before for longer.
worker_shutdown_timeout 120s;
pid @RUN_DIR@/nginx.pid;
error_log @LOG_DIR@/error.log warn;
@DAEMON@

events {
  worker_connections @CONNECTIONS@;
  multi_accept on;
}

# The edge: whoever connects is counted here, before TLS and before the first byte. `http` could count requests only, so that
# connections that never send one would be nobody's, and fill a worker for everybody.
stream {
  # nginx would write a line, with the address, for each connection that it refuses.
  error_log /dev/null emerg;
  map $status $mosaic_edge_status {
    default $status;
    "~^0" 0;
  }
  log_format mosaic_edge escape=json
    '{"time":"$time_iso8601","server":"$server_port","method":"","path":"","status":$mosaic_edge_status,"seconds":$session_time,'
    '"upstream_connect_seconds":"$upstream_connect_time","limit":"$limit_conn_status"}';
  # Who was let in is logged with the request.
  map $status $mosaic_refused {
    default 1;
    200 0;
  }
  access_log @LOG_DIR@/access.log mosaic_edge buffer=32k flush=1s if=$mosaic_refused;

@NETWORKS@
  # A larger one: addresses are cheap by the /24 and by the IPv6 /48.
  map $binary_remote_addr $mosaic_neighbours {
    default $binary_remote_addr;
    "~^\x00{10}\xff\xff(?<mosaic_mapped_three>[\x00-\xff]{3})" $mosaic_mapped_three;
    "~^(?<mosaic_six>[\x00-\xff]{6})[\x00-\xff]{10}$" $mosaic_six;
    "~^(?<mosaic_three>[\x00-\xff]{3})[\x00-\xff]$" $mosaic_three;
  }
  # Counted for each listener apart, so that nobody who comes to the public one takes the room of peers.
  limit_conn_zone $mosaic_network zone=public_network:4m;
  limit_conn_zone $mosaic_neighbours zone=public_neighbours:4m;
  limit_conn_zone $server_port zone=public_all:64k;
  limit_conn_zone $mosaic_network zone=federation_network:4m;
  limit_conn_zone $mosaic_neighbours zone=federation_neighbours:4m;
  limit_conn_zone $server_port zone=federation_all:64k;
@PEER_NETWORKS@

  # A connection costs one slot of a worker until its ClientHello is whole, which it must be in this time however it dribbles;
  # three slots from then on. What comes is not looked at, but passed on.
  ssl_preread on;
  preread_buffer_size 16k;
  preread_timeout 5s;
  # Tells the servers below whose connection it is. Nobody outside can: what listens here reads no such header, unless a proxy
  # in front was named (--proxy-from), and then believes that proxy alone.
  proxy_protocol on;
@TRUSTED_PROXIES@
  proxy_connect_timeout 2s;
  # Longer than a connection may be idle below (keepalive_timeout), or wait for its answer (proxy_read_timeout).
  proxy_timeout 75s;
  proxy_buffer_size 16k;

  server {
    listen @PUBLIC_LISTEN@@BEHIND_PROXY@ backlog=4096;
    limit_conn public_network @ADDRESS_CONNECTIONS@;
    limit_conn public_neighbours @NEIGHBOURS_CONNECTIONS@;
    limit_conn public_all @LISTENER_CONNECTIONS@;
    proxy_pass unix:@RUN_DIR@/edge-public.sock;
  }
  server {
    listen @FEDERATION_LISTEN@@BEHIND_PROXY@ backlog=4096;
    limit_conn federation_network @ADDRESS_CONNECTIONS@;
    limit_conn federation_neighbours @NEIGHBOURS_CONNECTIONS@;
    limit_conn federation_all @LISTENER_CONNECTIONS@;
@PEER_ROOM@
    proxy_pass unix:@RUN_DIR@/edge-federation.sock;
  }
}

http {
  # nginx quotes the whole request line in whatever it says of a request, and that may hold a token or what somebody searched
  # for. So it says nothing of requests here: the access log has status, upstream and times, without the line.
  # What concerns no request (start, reload, a worker that ended) stands in the error log above.
  error_log /dev/null emerg;

  include mime-types.conf;
  js_path @CONF_DIR@;
  js_import client_cert from client-cert.js;
  js_set $mosaic_client_cert client_cert.header;
  js_set $mosaic_refusal client_cert.refusal;

  # The id of a request and of its answer: that of the caller's trace, read as the gateway reads it, and otherwise one of nginx's
  # own. It stands in these logs and in what nginx answers, and goes to the gateway (proxy-headers.conf), whose log has it, too.
  map $http_traceparent $mosaic_trace_id {
    default $request_id;
    "~^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-(?!0{32})(?<mosaic_trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$" $mosaic_trace;
  }
  # Of an address only what is known beforehand: see nginx-paths.ts.
  map $request_uri $mosaic_path {
@LOGGED_PATHS@
  }
  map $request_method $mosaic_method {
    default "other";
    "~^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$" $request_method;
  }

  # 000 of a request that ended before it had a status is no number in JSON.
  map $status $mosaic_status {
    default $status;
    "~^0" 0;
  }

  log_format mosaic escape=json
    '{"time":"$time_iso8601","server":"$proxy_protocol_server_port","method":"$mosaic_method","path":"$mosaic_path","status":$mosaic_status,'
    '"bytes":$body_bytes_sent,"seconds":$request_time,"upstream":"$upstream_addr","upstream_status":"$upstream_status",'
    '"upstream_seconds":"$upstream_response_time","limit":"$limit_conn_status$limit_req_status",'
    '"client_verify":"$ssl_client_verify","client_serial":"$ssl_client_serial","trace_id":"$mosaic_trace_id"}';
  access_log @LOG_DIR@/access.log mosaic buffer=32k flush=1s;

  # The servers below are reached through the edge alone, which says for whom.
  set_real_ip_from unix:;
  real_ip_header proxy_protocol;

  server_tokens off;
  client_body_temp_path @RUN_DIR@/body;
  proxy_temp_path @RUN_DIR@/proxy;
  fastcgi_temp_path @RUN_DIR@/fastcgi;
  uwsgi_temp_path @RUN_DIR@/uwsgi;
  scgi_temp_path @RUN_DIR@/scgi;

  # Slow and oversized clients (ABUSE 60, 61).
  client_header_timeout 10s;
  client_body_timeout 10s;
  send_timeout 15s;
  keepalive_timeout 60s;
  keepalive_requests @REQUESTS_PER_CONNECTION@;
  lingering_time 10s;
  lingering_timeout 2s;
  client_header_buffer_size 4k;
  large_client_header_buffers 4 16k;
  client_max_body_size @BODY@k;
  reset_timedout_connection on;
  underscores_in_headers off;
  ignore_invalid_headers on;

  # Who a request is counted for: the certificate where one was verified, otherwise the address. An empty key counts nothing.
@NETWORKS@
  map $ssl_client_verify $mosaic_stranger {
    default $mosaic_network;
    SUCCESS "";
  }
  map $ssl_client_verify $mosaic_peer {
    default "";
    SUCCESS $ssl_client_fingerprint;
  }
  # A body that is slow to come may use up what there is for bodies of that address, and nothing else.
  map "$mosaic_stranger:$request_method:$content_length" $mosaic_body {
    default $mosaic_stranger;
    "~:(?:GET|HEAD):0*$" "";
  }
  limit_conn_zone $mosaic_stranger zone=address:10m;
  limit_conn_zone $mosaic_body zone=address_bodies:10m;
  limit_conn_zone $mosaic_peer zone=certificate:10m;
  limit_req_zone $mosaic_stranger zone=address_rate:10m rate=@ADDRESS_RATE@r/s;
  limit_req_zone $mosaic_peer zone=certificate_rate:10m rate=@CERTIFICATE_RATE@r/s;
  limit_req_zone $mosaic_network zone=page_rate:10m rate=@PAGE_RATE@r/s;
  limit_conn_status 429;
  limit_req_status 429;

  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate @SERVER_CERT@;
  ssl_certificate_key @SERVER_KEY@;
  # A resumed session skips the revocation list, so there are none.
  ssl_session_cache off;
  ssl_session_tickets off;
  ssl_prefer_server_ciphers off;

  proxy_http_version 1.1;
  proxy_connect_timeout 2s;
  proxy_read_timeout 30s;
  proxy_send_timeout 10s;
  proxy_buffering on;
  # A body is whole before a gateway hears of the request, and gets there with its length: what is slow, or framed in an
  # unusual way, never reaches a gateway.
  proxy_request_buffering on;
  proxy_buffers 16 16k;
  proxy_max_temp_file_size 0;
  # A request that its client gave up is answered by the gateway all the same, and counts until then. Otherwise whoever opens
  # requests and resets them would fill the gateway's queue without being counted for any of them.
  proxy_ignore_client_abort on;
  # Only what never reached a replica goes to the next one: a repeated request would be counted and audited twice.
  proxy_next_upstream error;
  proxy_next_upstream_tries 2;

  # max_fails=0: no replica is left out for a while. One that is away refuses the connection, and the next one is asked at
  # once; one that is busy must not be taken away from everybody by those who made it busy.
  # max_conns counts what a gateway is at work on, for all workers together. What still comes in, or is still being read by its
  # client, counts for that client alone: otherwise slow strangers would use up what there is for everybody.
  upstream mosaic_public {
    zone mosaic_public 256k;
@PUBLIC_UPSTREAMS@
    keepalive @KEPT@;
    keepalive_requests 10000;
  }
  upstream mosaic_federation {
    zone mosaic_federation 256k;
@FEDERATION_UPSTREAMS@
    keepalive @KEPT@;
    keepalive_requests 10000;
  }

  # A chunked body is refused: this version of nginx takes line ends and chunk extensions in it that no client of ours
  # sends. (Addresses of its own answers are let through, or those could not be given.)
  map "$uri $http_transfer_encoding" $mosaic_chunked {
    default 0;
    "~^/_problem/" 0;
    "~ ." 1;
  }
  # HTTP/0.9, which has no header.
  map "$server_protocol $uri" $mosaic_ancient {
    default 0;
    "~ /_problem/" 0;
    "~^ " 1;
    "~^HTTP/0" 1;
  }
  # Without a certificate there is nothing but what tells a peer whether its own was revoked.
  map "$ssl_client_verify $uri" $mosaic_uncertified {
    default 1;
    "~^SUCCESS " 0;
    "~^NONE /pki/(?:crl|root\.pem)$" 0;
    "~^[A-Z]+ /_problem/" 0;
  }

  # People, administrators and enrollment: no client certificate.
  server {
    listen unix:@RUN_DIR@/edge-public.sock ssl@HTTP2@ proxy_protocol backlog=4096;
    server_name @SERVER_NAME@;
@HTTP2_STREAMS@
    limit_conn address @ADDRESS_CONCURRENT@;
    limit_conn address_bodies @ADDRESS_BODIES@;
    limit_req zone=address_rate burst=@ADDRESS_BURST@ nodelay;
    if ($mosaic_ancient) {
      return 444;
    }
    if ($mosaic_chunked) {
      return 411;
    }

    location / {
      proxy_pass http://mosaic_public;
      include proxy-headers.conf;
@FRONT_PROOF@
      proxy_set_header Client-Cert "";
    }
    # The rows of people, which may be long.
    location ^~ /api/resources {
      client_max_body_size @RESOURCE_BODY@k;
      proxy_pass http://mosaic_public;
      include proxy-headers.conf;
@FRONT_PROOF@
      proxy_set_header Client-Cert "";
    }
    # Scopes of grants, which may name thousands of teams.
    location ^~ /api/admin/grants {
      client_max_body_size @GRANT_BODY@k;
      proxy_pass http://mosaic_public;
      include proxy-headers.conf;
@FRONT_PROOF@
      proxy_set_header Client-Cert "";
    }
    # What anybody may read, and nobody needs often.
    location ~ ^/(?:docs|openapi\.json|pki)(?:/|$) {
      limit_req zone=page_rate burst=@PAGE_BURST@ nodelay;
      # Whole pages: a gateway is done with one however slowly it is read.
      proxy_buffers 64 16k;
      proxy_pass http://mosaic_public;
      include proxy-headers.conf;
@FRONT_PROOF@
      proxy_set_header Client-Cert "";
    }
@PROBLEMS@
  }

  # Peers: a client certificate of this gateway's authority, not revoked.
  server {
    listen unix:@RUN_DIR@/edge-federation.sock ssl proxy_protocol backlog=4096;
    server_name @SERVER_NAME@;
    limit_conn address @ADDRESS_CONCURRENT@;
    limit_conn address_bodies @ADDRESS_BODIES@;
    limit_conn certificate @CERTIFICATE_CONCURRENT@;
    limit_req zone=address_rate burst=@ADDRESS_BURST@ nodelay;
    limit_req zone=certificate_rate burst=@CERTIFICATE_BURST@ nodelay;

    ssl_client_certificate @CLIENT_CA@;
    ssl_crl @CRL@;
    # A certificate that does not verify is refused by nginx (495); without one there is nothing below but /pki/crl.
    ssl_verify_client optional;
    ssl_verify_depth 2;
    if ($mosaic_ancient) {
      return 444;
    }
    if ($mosaic_uncertified) {
      return 496;
    }
    if ($mosaic_chunked) {
      return 411;
    }

    location /federation/ {
      proxy_pass http://mosaic_federation;
      include proxy-headers.conf;
@FRONT_PROOF@
      # Replaces whatever a client sent (RFC 9440 section 2.4).
      proxy_set_header Client-Cert $mosaic_client_cert;
    }
    # The list that a peer learns from whether its own certificate was revoked: then it can show none that is accepted.
    location ~ ^/pki/(?:crl|root\.pem)$ {
      keepalive_timeout 5s;
      limit_req zone=page_rate burst=@PAGE_BURST@ nodelay;
      proxy_buffers 64 16k;
      proxy_pass http://mosaic_public;
      include proxy-headers.conf;
@FRONT_PROOF@
      proxy_set_header Client-Cert "";
    }
    location / {
      return 404;
    }

    # 495: the certificate did not verify; 496: there was none. No handler runs.
    error_page 495 496 = @refused;
    location @refused {
      internal;
      # Strangers make room for peers.
      keepalive_timeout 0;
      limit_conn_dry_run on;
      limit_req_dry_run on;
      access_log @LOG_DIR@/access.log mosaic buffer=32k flush=1s;
      # What no handler sees: the gateway makes audit entries of it (front.refused_log).
      access_log @LOG_DIR@/refused.log mosaic buffer=32k flush=1s;
      default_type application/problem+json;
      add_header Cache-Control no-store always;
      return 401 $mosaic_refusal;
    }
@PROBLEMS@
  }
}
