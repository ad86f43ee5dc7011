import type { Migration } from './migration.ts';

export const directory: Migration = {
  name: '0001_directory',
  sql: `
create type team_role as enum ('member', 'admin');
create type token_access as enum ('read', 'write');

create table users (
  id uuid primary key,
  name text not null constraint users_name_key unique,
  is_admin boolean not null,
  created_at timestamptz(3) not null
);
create index users_keyset on users (created_at desc, id desc);

create table teams (
  id uuid primary key,
  name text not null constraint teams_name_key unique,
  created_at timestamptz(3) not null
);
create index teams_keyset on teams (created_at desc, id desc);

create table memberships (
  user_id uuid not null references users (id) on delete cascade,
  team_id uuid not null references teams (id) on delete cascade,
  role team_role not null,
  created_at timestamptz(3) not null,
  primary key (user_id, team_id)
);
create index memberships_team on memberships (team_id);

create table api_tokens (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  name text not null,
  hash text not null constraint api_tokens_hash_key unique,
  access token_access not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3),
  revoked_at timestamptz(3)
);
create index api_tokens_keyset on api_tokens (created_at desc, id desc);
create index api_tokens_user on api_tokens (user_id, created_at desc, id desc);

grant select, insert, update on users, teams, api_tokens to mosaic_app;
grant select on memberships to mosaic_app;
grant select, insert, update, delete on users, teams, memberships, api_tokens to mosaic_admin;
`,
};
