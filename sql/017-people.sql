-- dmbox schema, step 17: people, their one-time links and their sessions.
--
-- Of a link and of a session only the SHA-256 is here: a row that is stolen opens nothing.

create table dmbox.users (
	name       text primary key check (length(name) between 1 and 60),
	role       text not null check (role in ('read', 'answer', 'owner')),
	created_at timestamptz not null default now(),
	revoked_at timestamptz
);
comment on table dmbox.users is 'People who may open the inbox page (dmbox user)';
comment on column dmbox.users.name is 'What stands on the bubbles they wrote';
comment on column dmbox.users.role is 'read, answer or owner';
comment on column dmbox.users.created_at is 'When they were added';
comment on column dmbox.users.revoked_at is 'Since then they may do nothing';

create table dmbox.login_links (
	hash       text primary key,
	name       text not null,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	used_at    timestamptz
);
comment on table dmbox.login_links is 'One-time links that open a session';
comment on column dmbox.login_links.hash is 'SHA-256 of the token in the link';
comment on column dmbox.login_links.name is 'Whose it is';
comment on column dmbox.login_links.created_at is 'When it was made';
comment on column dmbox.login_links.expires_at is 'Until when it can be used';
comment on column dmbox.login_links.used_at is 'When it was used';

create table dmbox.sessions (
	id         bigint generated always as identity primary key,
	hash       text not null unique,
	name       text not null,
	started_at timestamptz not null default now(),
	last_seen  timestamptz not null default now(),
	agent      text
);
comment on table dmbox.sessions is 'Browsers that are signed in; 30 days after last_seen they are not';
comment on column dmbox.sessions.id is 'Row id';
comment on column dmbox.sessions.hash is 'SHA-256 of the cookie';
comment on column dmbox.sessions.name is 'Whose it is';
comment on column dmbox.sessions.started_at is 'When the link was used';
comment on column dmbox.sessions.last_seen is 'When something was last done with it, to the minute';
comment on column dmbox.sessions.agent is 'What the browser calls itself';
create index sessions_name_idx on dmbox.sessions (name);
