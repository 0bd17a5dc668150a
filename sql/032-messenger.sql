-- dmbox schema, step 32: deliveries of Messenger.
--
-- They make no message, and nothing tells which of their words were unsent: their bytes go when
-- the grace of what was unsent is over (dmbox.erase_unsent), which finds them by this index.

update dmbox.deliveries d set reason = 'messenger'
 where d.reason = 'ok' and d.id in (select e.delivery_id from dmbox.events e where e.kind = 'messenger');
create index deliveries_messenger_idx on dmbox.deliveries (received_at) where reason = 'messenger' and body is not null;
