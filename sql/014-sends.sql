-- dmbox schema, step 14: what a provider's error leaves open, and failures after acceptance.

alter table dmbox.outbox
	add column doubt_at timestamptz,
	add column asked_at timestamptz,
	add column refusals integer not null default 0,
	add column refused_at timestamptz,
	add column hint text;
comment on column dmbox.outbox.doubt_at is 'An attempt since then was answered with an error and may have gone out all the same: an echo settles it, and the provider is asked before the next try';
comment on column dmbox.outbox.asked_at is 'When the provider was asked for the doubtful attempt and did not have it: the next try may go out';
comment on column dmbox.outbox.refusals is 'Refusals that did not say whether the account or this message is to blame';
comment on column dmbox.outbox.refused_at is 'The last of them';
comment on column dmbox.outbox.hint is 'Code of what mends the last error (check-messages and send say it in words)';
create index outbox_doubt_idx on dmbox.outbox (account, channel, next_at)
	where state = 'queued' and doubt_at is not null and asked_at is null;

alter table dmbox.account_state
	add column send_ok_at timestamptz,
	add column send_pause_text text,
	add column send_pause_hint text,
	add column proof integer not null default 0;
comment on column dmbox.account_state.send_ok_at is 'About the last send that the provider took';
comment on column dmbox.account_state.send_pause_text is 'Why sends rest, in the provider''s words';
comment on column dmbox.account_state.send_pause_hint is 'Code of what ends the pause';
comment on column dmbox.account_state.proof is 'Which of the app secrets proves calls (appsecret_proof); behind the last: none';

alter table dmbox.messages add column error_text text;
comment on column dmbox.messages.error_text is 'Outbound, failed after the provider had taken it: its words';
create index messages_failed_idx on dmbox.messages (received_at)
	where status = 'failed' and outbox_id is not null;
create index outbox_later_idx on dmbox.outbox (created_at)
	where state = 'failed' and error_code = 'failed_later';
create index events_opens_idx on dmbox.events (contact_id, occurred_at)
	where direction = 'inbound' and effect in ('none', 'react');
create index events_state_idx on dmbox.events (account, channel, id) where kind = 'instance_state';
