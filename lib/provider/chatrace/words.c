/*
 * What is said to people about Chatrace, and to its support.
 */
#include "base/buf.h"
#include "provider/chatrace/chatrace.h"

static const char ticket_ru[] =
	"Здравствуйте!\n\n"
	"Сообщения Instagram нашего аккаунта %s не приходят в нашу систему (адрес вебхука: %s).\n"
	"Просим ответить на три вопроса:\n\n"
	"1. Формат вебхука: какой запрос (метод, заголовки, тело) вы отправляете на наш адрес при новом\n"
	"   сообщении Instagram и как его включить для нашего аккаунта?\n"
	"2. Опрос: есть ли в API адрес, который возвращает новые сообщения (polling), и какой?\n"
	"3. Авторизация: какая форма верна: X-ACCESS-TOKEN, Authorization: Bearer или другая?\n\n"
	"Что мы попробовали (ключи скрыты):\n";
static const char ticket_en[] =
	"\nHello,\n\n"
	"Instagram messages of our account %s do not reach our system (webhook address: %s).\n"
	"Please answer three questions:\n\n"
	"1. Webhook format: which request (method, headers, body) do you send to our address for a new\n"
	"   Instagram message, and how is it switched on for our account?\n"
	"2. Polling: does the API have an address that returns new messages, and which one?\n"
	"3. Authorisation: which form is right: X-ACCESS-TOKEN, Authorization: Bearer, or another?\n\n"
	"What we tried (keys are hidden):\n";

void
chatrace_ticket(const struct account *a, const char *url, bool ru, struct buf *b)
{
	buf_printf(b, ru ? ticket_ru : ticket_en, a->own_id != NULL ? a->own_id : "?", url);
}
