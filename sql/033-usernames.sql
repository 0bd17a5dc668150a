-- dmbox schema, step 33: usernames that stand for names.
--
-- They were stored as if they had been told as names, at a time: a name of an earlier time that
-- came later did not take their place.

update dmbox.contacts set named_at = null where name = username and named_at is not null;
comment on column dmbox.contacts.name is 'Name as the provider told it last; where none was told, the username';
comment on column dmbox.contacts.named_at is 'Time of the message that brought name (to the minute); a hundred years earlier for what only stands for one (half a name, what the chat is called), null for a username';
