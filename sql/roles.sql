-- Roles with the least each program needs, where the host allows CREATE ROLE.
-- Optional: under one single role everything works too.  Run it after migrate, as the
-- owner of the database and the schema with CREATEROLE, or as a superuser (repeating it
-- does no harm):
--
--   psql -d DATABASE -f sql/roles.sql
--
-- then give each a login (alter role dmbox_web login password '...') and name
-- them in DMBOX_DATABASE_URL_WEB, _SEND, _CRON, _READ; migrations run as
-- dmbox_owner.  A role is created without a login and without a password.

do $$
declare
	r text;
begin
	foreach r in array array['dmbox_owner', 'dmbox_web', 'dmbox_send', 'dmbox_cron', 'dmbox_reader'] loop
		if not exists (select 1 from pg_roles where rolname = r) then
			execute format('create role %I nologin', r);
		end if;
	end loop;
	-- who is no superuser gives things away only to a role that he is a member of, and
	-- a schema only to one that may create in the database
	if not (select rolsuper from pg_roles where rolname = current_user) then
		if not pg_has_role(current_user, 'dmbox_owner', 'usage') then
			execute format('grant dmbox_owner to %I', current_user);
		end if;
		if not has_database_privilege('dmbox_owner', current_database(), 'create') then
			execute format('grant create on database %I to dmbox_owner', current_database());
		end if;
	end if;
end $$;

-- everything belongs to the owner: the two functions that make and drop
-- partitions run with its rights
do $$
declare
	r record;
	waits text := current_setting('lock_timeout');
begin
	execute 'alter schema dmbox owner to dmbox_owner';
	-- programs at work lock tables in an order of their own: before a deadlock is found (1 s) all
	-- locks are given back, and taken again
	for again in 1..200 loop
		begin
			perform set_config('lock_timeout', '500ms', true);
			for r in select c.relname, c.relkind from pg_class c
			          where c.relnamespace = 'dmbox'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
			            and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i') and c.relkind = 'S')
			loop
				execute format('alter %s dmbox.%I owner to dmbox_owner',
				    case r.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, r.relname);
			end loop;
			exit;
		exception when lock_not_available or deadlock_detected then
			if again = 200 then
				raise;
			end if;
			perform pg_sleep(0.1);
		end;
	end loop;
	perform set_config('lock_timeout', waits, true);
	for r in select p.oid::regprocedure as f from pg_proc p where p.pronamespace = 'dmbox'::regnamespace loop
		execute format('alter function %s owner to dmbox_owner', r.f);
		execute format('revoke all on function %s from public', r.f);
	end loop;
end $$;

grant usage on schema dmbox to dmbox_web, dmbox_send, dmbox_cron, dmbox_reader;

-- reader: looks, but sees no token
grant select on all tables in schema dmbox to dmbox_reader;
revoke select on dmbox.account_state from dmbox_reader;
grant select (account, channel, pause_until, pause_reason, token_since, token_expires_at, last_poll_at, next_probe_at)
	on dmbox.account_state to dmbox_reader;

-- web: takes deliveries in, shows and marks conversations; changes no outbox row
grant select on all tables in schema dmbox to dmbox_web;
revoke select on dmbox.account_state, dmbox.outbox from dmbox_web;
grant select (account, channel, pause_until, pause_reason, token_since, token_expires_at, last_poll_at, next_probe_at)
	on dmbox.account_state to dmbox_web;
grant select (id, account, channel, state, next_at, message_id, created_at, caller) on dmbox.outbox to dmbox_web;
grant insert on dmbox.deliveries, dmbox.contacts, dmbox.messages, dmbox.attachments, dmbox.reactions,
	dmbox.message_edits, dmbox.events, dmbox.refusals, dmbox.refused_bytes, dmbox.contact_aliases to dmbox_web;
grant update on dmbox.contacts, dmbox.messages, dmbox.attachments, dmbox.reactions, dmbox.message_edits, dmbox.events,
	dmbox.refusals, dmbox.refused_bytes, dmbox.contact_aliases to dmbox_web;
grant delete on dmbox.message_edits, dmbox.attachments, dmbox.events, dmbox.contact_aliases to dmbox_web;
grant insert, update, delete on dmbox.login_links, dmbox.sessions, dmbox.desk, dmbox.notes, dmbox.labels, dmbox.replies to dmbox_web;
grant update (lang) on dmbox.users to dmbox_web;
-- a message that changes its side, or goes, is counted
grant select, update on dmbox.message_counts, dmbox.message_hours to dmbox_web, dmbox_send;
grant select on dmbox.count_marks to dmbox_web, dmbox_send;

-- send: writes what goes out and settles it
grant select, insert, update on dmbox.outbox, dmbox.send_attempts, dmbox.contacts, dmbox.messages, dmbox.attachments,
	dmbox.reactions, dmbox.message_edits, dmbox.events, dmbox.account_state, dmbox.leases, dmbox.heartbeats to dmbox_send;
grant delete on dmbox.messages, dmbox.attachments, dmbox.reactions, dmbox.message_edits, dmbox.events, dmbox.leases to dmbox_send;
grant select on dmbox.schema_version, dmbox.users, dmbox.sessions to dmbox_send;
grant select on dmbox.contact_aliases to dmbox_send;
grant update (last_seen) on dmbox.sessions to dmbox_send;
grant select, insert, update on dmbox.uploads to dmbox_send;

-- cron: all of it but the schema
grant select, insert, update, delete on all tables in schema dmbox to dmbox_cron;
revoke insert, update, delete on dmbox.schema_version from dmbox_cron;

grant usage on all sequences in schema dmbox to dmbox_web, dmbox_send, dmbox_cron;
grant execute on all functions in schema dmbox to dmbox_web, dmbox_send, dmbox_cron, dmbox_reader;
revoke execute on function dmbox.deliveries_partitions(), dmbox.deliveries_expire(integer, integer, integer),
	dmbox.search_upkeep()
	from dmbox_web, dmbox_send, dmbox_reader;
revoke execute on function dmbox.contact_merge(bigint, bigint), dmbox.contact_join(text, text, text, text)
	from dmbox_send, dmbox_reader;
revoke execute on function dmbox.contact_proved(text, text, text, text), dmbox.contacts_noted(bigint, bigint)
	from dmbox_web, dmbox_reader;

-- what later migrations add
alter default privileges for role dmbox_owner in schema dmbox grant select on tables to dmbox_reader, dmbox_web;
alter default privileges for role dmbox_owner in schema dmbox grant select, insert, update, delete on tables to dmbox_cron;
