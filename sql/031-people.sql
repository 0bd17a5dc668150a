-- dmbox schema, step 31: looking a person up costs the same however many there are.

-- Partial, so that no look-up by alias can take it for its first two columns: while the table is
-- small the planner finds both indexes equally good, and a session keeps its plan.
drop index dmbox.contact_aliases_of_idx;
create index contact_aliases_of_idx on dmbox.contact_aliases (account, channel, external_id) where external_id is not null;

-- Two contacts that become one (dmbox.contact_merge) take their events and reactions with them.
create index events_contact_idx on dmbox.events (contact_id) where contact_id is not null;
create index events_actor_idx on dmbox.events (actor_id) where actor_id is not null;
create index reactions_contact_idx on dmbox.reactions (contact_id);
