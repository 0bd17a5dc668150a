-- What people query.  A new column of a view is its last one: `create or replace view`
-- keeps the grants and takes no other change.

-- What a provider's rule is, for an account that dmbox-poll has not noted yet (tests/db/test_store
-- compares it with the programs' own).
create or replace function dmbox.provider_window(p_provider text) returns integer
language sql immutable parallel safe as $$
	select case when p_provider in ('cloud', 'graph') then 86400 end
$$;
comment on function dmbox.provider_window(text) is 'For how many seconds after the contact''s last message a provider takes a reply; null: it has no such rule';

-- The account's rule, else that of the provider, else the channel's.
create or replace function dmbox.can_send_until(p_channel text, p_account text, p_last timestamptz, p_provider text)
returns timestamptz language sql stable parallel safe as $$
	select p_last + make_interval(secs => coalesce(
		(select a.window_s from dmbox.accounts a where a.channel = p_channel and a.account = p_account),
		case when not exists (select 1 from dmbox.accounts a where a.channel = p_channel and a.account = p_account)
		     then dmbox.provider_window(p_provider) end,
		case p_channel when 'instagram' then 86400 end));
$$;
comment on function dmbox.can_send_until(text, text, timestamptz, text) is 'Until when a reply is allowed after a contact''s last message, which came by that provider; null: always';

create or replace function dmbox.can_send_until(p_channel text, p_account text, p_last timestamptz)
returns timestamptz language sql stable parallel safe as $$
	select dmbox.can_send_until(p_channel, p_account, p_last, null)
$$;
comment on function dmbox.can_send_until(text, text, timestamptz) is 'The same where the provider is not known';

create or replace view dmbox.conversations as
select c.id as contact_id, c.channel, c.account, c.name, c.username,
       l.id as last_message_id, l.sent_at as last_at, l.direction as last_direction, l.body as last_body,
       n.inbound_count, n.outbound_count, n.unread_count,
       dmbox.can_send_until(c.channel, c.account, c.last_inbound_at, l.provider) as can_send_until,
       c.external_id, l.kind as last_kind
  from dmbox.contacts c
  cross join lateral (
	select m.id, m.sent_at, m.direction, m.body, m.kind, m.provider from dmbox.messages m
	 where m.contact_id = c.id and not m.is_test
	 order by m.sent_at desc, m.id desc limit 1) l
  cross join lateral (
	select count(*) filter (where m.direction = 'inbound') as inbound_count,
	       count(*) filter (where m.direction = 'outbound') as outbound_count,
	       count(*) filter (where m.direction = 'inbound' and m.read_at is null and m.deleted_at is null) as unread_count
	  from dmbox.messages m where m.contact_id = c.id and not m.is_test) n;
comment on view dmbox.conversations is 'One row a contact with messages: the last message, counts, until when an answer is allowed';
comment on column dmbox.conversations.contact_id is 'contacts.id; the conversation''s id in the HTTP interface';
comment on column dmbox.conversations.channel is 'instagram or whatsapp';
comment on column dmbox.conversations.account is 'Our account';
comment on column dmbox.conversations.name is 'The contact''s name';
comment on column dmbox.conversations.username is 'The contact''s user name';
comment on column dmbox.conversations.last_message_id is 'messages.id of the newest message';
comment on column dmbox.conversations.external_id is 'The provider''s id of the contact';
comment on column dmbox.conversations.last_kind is 'messages.kind of the newest message';
comment on column dmbox.conversations.last_at is 'When the newest message was sent (exact; contacts.last_at may lag by a minute)';
comment on column dmbox.conversations.last_direction is 'inbound or outbound';
comment on column dmbox.conversations.last_body is 'Text of the newest message';
comment on column dmbox.conversations.inbound_count is 'Messages from the contact';
comment on column dmbox.conversations.outbound_count is 'Messages to the contact';
comment on column dmbox.conversations.unread_count is 'Inbound messages that we have not read';
comment on column dmbox.conversations.can_send_until is 'Until when a reply is allowed, by the provider''s rule (Instagram: 24 hours after the last inbound message); null: always';

create or replace view dmbox.messages_full as
select m.id, m.account, m.channel, m.thread_id, m.provider, m.external_id, m.contact_id,
       m.sender_id, m.recipient_id, m.direction, m.kind, m.body, m.detail, m.reply_to, m.status,
       m.sent_at, m.sent_at_known, m.received_at, m.edited_at, m.deleted_at, m.delivered_at,
       m.read_at, m.is_test, m.source, m.delivery_id, m.outbox_id, m.placeholder,
       c.name as contact_name, c.username as contact_username,
       coalesce((select jsonb_agg(jsonb_build_object('position', a.position, 'type', a.type, 'url', a.url,
                        'name', a.name, 'mime_type', a.mime_type, 'bytes', a.bytes,
                        'local_path', a.local_path, 'state', a.state) order by a.position)
                   from dmbox.attachments a where a.message_id = m.id and a.state <> 'erased'), '[]') as attachments,
       coalesce((select jsonb_agg(jsonb_build_object('contact_id', r.contact_id, 'emoji', r.emoji,
                        'reacted_at', r.reacted_at) order by r.reacted_at, r.contact_id)
                   from dmbox.reactions r where r.message_id = m.id and r.removed_at is null), '[]') as reactions,
       case when m.direction = 'outbound' then
	       (select u.name from dmbox.outbox o join dmbox.users u on o.caller = encode(sha256(convert_to('user:' || u.name, 'UTF8')), 'hex')
	         where o.id = m.outbox_id)
	    when m.thread_id like '%@g.us' then coalesce(m.detail ->> 'senderName', (select coalesce(s.name, s.username)
	          from dmbox.contacts s where s.account = m.account and s.channel = m.channel and s.external_id = m.sender_id))
	    else coalesce(c.name, c.username) end as sender_name,
       (select q.body from dmbox.messages q
         where m.reply_to is not null and q.account = m.account and q.channel = m.channel and q.thread_id in (m.thread_id, '')
           and q.external_id = m.reply_to and q.contact_id = m.contact_id and q.deleted_at is null limit 1) as quoted_text
  from dmbox.messages m
  left join dmbox.contacts c on c.id = m.contact_id;
comment on view dmbox.messages_full is 'messages with the contact''s name, attachments and present reactions as JSON';

-- Bytes as text that never fails: what is not ASCII or valid UTF-8 is shown escaped.
create or replace function dmbox.bytes_text(p bytea)
returns text language plpgsql immutable parallel safe as $$
begin
	if p is null then
		return null;
	end if;
	return convert_from(p, 'UTF8');
exception when others then
	return encode(p, 'escape');
end $$;
comment on function dmbox.bytes_text(bytea) is E'UTF-8 as text; other bytes escaped as \\ooo; never fails';

create or replace view dmbox.deliveries_text as
select d.id, d.received_at, d.verdict, d.reason, dmbox.bytes_text(d.body) as body_text,
       d.channel, d.account, d.source, d.request_id
  from dmbox.deliveries d;
comment on view dmbox.deliveries_text is 'The ledger with its bytes as text; never fails on bad UTF-8';

create or replace view dmbox.ingest_balance as
select x.account, x.channel, x.hour, x.items, x.stored_rows, x.duplicates, x.weak_duplicates, x.ignored,
       x.items - x.stored_rows - x.duplicates - x.weak_duplicates - x.ignored as missing
  from (select d.account, d.channel, date_trunc('hour', d.received_at) as hour,
               sum(d.items)::bigint as items,
               sum(d.purged + d.merged + (select count(*) from dmbox.messages m where m.delivery_id = d.id)
                            + (select count(*) from dmbox.events e where e.delivery_id = d.id))::bigint as stored_rows,
               sum(d.duplicates)::bigint as duplicates, sum(d.weak_duplicates)::bigint as weak_duplicates,
               sum(d.ignored)::bigint as ignored
          from dmbox.deliveries d
         where d.verdict = 'accepted'
         group by d.account, d.channel, date_trunc('hour', d.received_at)) x;
comment on view dmbox.ingest_balance is 'Is everything that arrived in the tables?  missing is 0 when nothing was dropped';
comment on column dmbox.ingest_balance.account is 'Our account';
comment on column dmbox.ingest_balance.channel is 'instagram or whatsapp';
comment on column dmbox.ingest_balance.hour is 'Hour of arrival';
comment on column dmbox.ingest_balance.items is 'Items in the deliveries of that hour';
comment on column dmbox.ingest_balance.stored_rows is 'Messages and events really there for them, messages they made fuller, and those purged on request';
comment on column dmbox.ingest_balance.duplicates is 'Items whose key was there already';
comment on column dmbox.ingest_balance.weak_duplicates is 'Items without an id that look like one that was there';
comment on column dmbox.ingest_balance.ignored is 'Items kept in the ledger only';
comment on column dmbox.ingest_balance.missing is 'items - stored_rows - duplicates - weak_duplicates - ignored';

-- The columns of messages keep their meaning in messages_full.
do $$
declare r record;
begin
	for r in
		select a.attname, col_description('dmbox.messages'::regclass, m.attnum) as text
		  from pg_attribute a join pg_attribute m on m.attrelid = 'dmbox.messages'::regclass and m.attname = a.attname
		 where a.attrelid = 'dmbox.messages_full'::regclass and a.attnum > 0 and not m.attisdropped
	loop
		execute format('comment on column dmbox.messages_full.%I is %L', r.attname, r.text);
	end loop;
	for r in
		select a.attname, col_description('dmbox.deliveries'::regclass, m.attnum) as text
		  from pg_attribute a join pg_attribute m on m.attrelid = 'dmbox.deliveries'::regclass and m.attname = a.attname
		 where a.attrelid = 'dmbox.deliveries_text'::regclass and a.attnum > 0 and not m.attisdropped
	loop
		execute format('comment on column dmbox.deliveries_text.%I is %L', r.attname, r.text);
	end loop;
	-- partitions say what the ledger says
	for r in
		select c.relname, m.attname, col_description(m.attrelid, m.attnum) as text
		  from pg_inherits i join pg_class c on c.oid = i.inhrelid
		  join pg_attribute m on m.attrelid = i.inhparent and m.attnum > 0 and not m.attisdropped
		 where i.inhparent = 'dmbox.deliveries'::regclass
	loop
		execute format('comment on column dmbox.%I.%I is %L', r.relname, r.attname, r.text);
	end loop;
end $$;
comment on column dmbox.messages_full.contact_name is 'contacts.name';
comment on column dmbox.messages_full.contact_username is 'contacts.username';
comment on column dmbox.messages_full.sender_name is 'Who wrote it: of a group the member, else the contact; of ours the person of dmbox.users, null: a program or the phone';
comment on column dmbox.messages_full.quoted_text is 'Text of the message that this one answers; null: none, unsent or not here';
comment on column dmbox.messages_full.attachments is 'Array of position, type, url, name, mime_type, bytes, local_path, state';
comment on column dmbox.messages_full.reactions is 'Array of contact_id, emoji, reacted_at; only those that stand';
comment on column dmbox.deliveries_text.body_text is 'The bytes as text; what is not UTF-8 escaped';
