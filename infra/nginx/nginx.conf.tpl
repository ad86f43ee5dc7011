# Mosaic Federation front: TLS, client certificates, revocation list. Rendered by `mosaic infra nginx`.
# The gateway is reached through unix sockets only, so nothing but this front can speak for a client certificate.
@LOAD_MODULES@
worker_processes @WORKERS@;
pid @RUN_DIR@/nginx.pid;
error_log @LOG_DIR@/error.log warn;
@DAEMON@

events {
  worker_connections 4096;
}

http {
  include mime-types.conf;
  js_path @CONF_DIR@;
  js_import client_cert from client-cert.js;
  js_set $mosaic_client_cert client_cert.header;
  js_set $mosaic_refusal client_cert.refusal;

  # Only what is a traceparent: anything else is a text that anybody may have put there.
  map $http_traceparent $mosaic_trace {
    default "";
    "~^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" $http_traceparent;
  }

  # $uri, never $request or $request_uri: a query string can hold what somebody searched for.
  log_format mosaic escape=json
    '{"time":"$time_iso8601","server":"$server_port","method":"$request_method","path":"$uri","status":$status,'
    '"bytes":$body_bytes_sent,"seconds":$request_time,"upstream_seconds":"$upstream_response_time",'
    '"client_verify":"$ssl_client_verify","client_serial":"$ssl_client_serial","trace":"$mosaic_trace"}';
  access_log @LOG_DIR@/access.log mosaic buffer=32k flush=1s;

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
  keepalive_requests 100000;
  client_header_buffer_size 4k;
  large_client_header_buffers 4 16k;
  client_max_body_size 1m;
  reset_timedout_connection on;
  underscores_in_headers off;
  ignore_invalid_headers on;
  limit_conn_zone $binary_remote_addr zone=per_address:10m;

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
  proxy_buffers 16 16k;
  proxy_max_temp_file_size 0;
  # Only what never reached a replica goes to the next one: a repeated request would be counted and audited twice.
  proxy_next_upstream error;
  proxy_next_upstream_tries 2;

  upstream mosaic_public {
@PUBLIC_UPSTREAMS@
    keepalive 64;
  }
  upstream mosaic_federation {
@FEDERATION_UPSTREAMS@
    keepalive 64;
  }

  # People, administrators and enrollment: no client certificate.
  server {
    listen @PUBLIC_LISTEN@ ssl http2;
    server_name @SERVER_NAME@;
    limit_conn per_address 200;

    location / {
      proxy_pass http://mosaic_public;
      include proxy-headers.conf;
      proxy_set_header Client-Cert "";
    }
    # What nginx says of a failed upstream quotes the whole request line, and here that is what somebody searched for.
    # The access log has the failure still, without the words.
    location ~* ^/api/(query|federation)/search(/|$) {
      error_log /dev/null emerg;
      proxy_pass http://mosaic_public;
      include proxy-headers.conf;
      proxy_set_header Client-Cert "";
    }
    error_page 502 504 = @unavailable;
    location @unavailable {
      internal;
      default_type application/problem+json;
      add_header Cache-Control no-store always;
      add_header Retry-After 2 always;
      return 503 '{"type":"https://mosaic-federation.dev/problems/unavailable","title":"The gateway cannot answer now.","status":503,"code":"unavailable","remedy":"Try again in a moment."}';
    }
  }

  # Peers: a client certificate of this gateway's authority, not revoked.
  server {
    listen @FEDERATION_LISTEN@ ssl;
    server_name @SERVER_NAME@;
    limit_conn per_address 1000;

    ssl_client_certificate @CLIENT_CA@;
    ssl_crl @CRL@;
    ssl_verify_client on;
    ssl_verify_depth 2;

    location /federation/ {
      proxy_pass http://mosaic_federation;
      include proxy-headers.conf;
      # Replaces whatever a client sent (RFC 9440 section 2.4).
      proxy_set_header Client-Cert $mosaic_client_cert;
    }
    # As on the public side: no words of a search in the error log.
    location ~* ^/federation/v1/search(/|$) {
      error_log /dev/null emerg;
      proxy_pass http://mosaic_federation;
      include proxy-headers.conf;
      proxy_set_header Client-Cert $mosaic_client_cert;
    }
    location / {
      default_type application/problem+json;
      add_header Cache-Control no-store always;
      return 404 '{"type":"https://mosaic-federation.dev/problems/not_found","title":"There is no such thing here.","status":404,"code":"not_found","remedy":"This listener serves /federation/ only."}';
    }

    # 495: the certificate did not verify; 496: there was none. No handler runs.
    error_page 495 496 = @refused;
    location @refused {
      internal;
      access_log @LOG_DIR@/access.log mosaic buffer=32k flush=1s;
      # What no handler sees: the gateway makes audit entries of it (front.refused_log).
      access_log @LOG_DIR@/refused.log mosaic buffer=32k flush=1s;
      default_type application/problem+json;
      add_header Cache-Control no-store always;
      return 401 $mosaic_refusal;
    }
    error_page 502 504 = @unavailable;
    location @unavailable {
      internal;
      default_type application/problem+json;
      add_header Cache-Control no-store always;
      add_header Retry-After 2 always;
      return 503 '{"type":"https://mosaic-federation.dev/problems/unavailable","title":"The gateway cannot answer now.","status":503,"code":"unavailable","remedy":"Try again in a moment."}';
    }
  }
}
