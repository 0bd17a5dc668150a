-- Replay.

-- A replayed delivery made rows that the original's had been: they are the
-- original's again, and the balance of both is even.
create or replace function dmbox.replay_settle(p_original bigint, p_replay bigint) returns integer
language plpgsql as $$
declare
	v_short integer;
	v_m     integer;
	v_e     integer;
begin
	select d.stored - d.purged - (select count(*) from dmbox.messages m where m.delivery_id = d.id)
	                           - (select count(*) from dmbox.events e where e.delivery_id = d.id)
	  into v_short from dmbox.deliveries d where d.id = p_original and d.verdict = 'accepted';
	if coalesce(v_short, 0) <= 0 then
		return 0;
	end if;
	update dmbox.messages set delivery_id = p_original
	 where id in (select m.id from dmbox.messages m where m.delivery_id = p_replay order by m.id limit v_short);
	get diagnostics v_m = row_count;
	update dmbox.events set delivery_id = p_original
	 where id in (select e.id from dmbox.events e where e.delivery_id = p_replay order by e.id limit v_short - v_m);
	get diagnostics v_e = row_count;
	update dmbox.deliveries d set stored = d.stored - v_m - v_e, duplicates = d.duplicates + v_m + v_e
	 where d.id = p_replay;
	return v_m + v_e;
end $$;
comment on function dmbox.replay_settle(bigint, bigint) is
	'Give rows that a replay made anew back to the delivery that had brought them; in the ledger they are the replay''s duplicates';
