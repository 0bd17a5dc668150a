/*
 * The table of checks: number, what is looked at, how to fix it, in both
 * languages side by side.  Numbers are promised to operators and to their
 * monitoring: a check keeps its number, a new one takes a free one.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"
#include "base/log.h"
#include "base/str.h"

#define T(check, no, en, ru, en_remedy, ru_remedy) \
	[check] = { .number = no, .what = { en, ru }, .remedy = { en_remedy, ru_remedy } }

static const struct doctor_text texts[DC__MAX] = {
T(DC_FILE, 101, "the configuration file is there and can be read",
    "файл конфигурации есть и читается",
    "Make one with: dmbox init. Or name it in DMBOX_CONFIG, and let its group be the one of the "
    "web and the cron user.",
    "Создайте его: dmbox init. Или укажите его в DMBOX_CONFIG и дайте группе веб- и "
    "cron-пользователя право чтения."),
T(DC_MODE, 102, "nobody else can read the configuration",
    "посторонние не могут прочитать конфигурацию",
    "Run: chmod 640 on the file named here; other people of this host can read your tokens now, so "
    "renew them.",
    "Выполните chmod 640 для названного файла; сейчас токены видны другим на этом сервере, "
    "смените их."),
T(DC_KEYS, 103, "keys and values of the configuration are right",
    "ключи и значения конфигурации верны",
    "Correct the line named here, or take it out; then: `dmbox config --check`. Until then the "
    "web programs answer 503.",
    "Исправьте или уберите названную строку и проверьте: `dmbox config --check`. До этого "
    "веб-программы отвечают 503."),
T(DC_PLACEHOLDER, 104, "no placeholder of the example is left in",
    "в конфигурации не осталось заглушек из примера",
    "Put the real value in; it is in the provider's dashboard.",
    "Впишите настоящее значение из личного кабинета провайдера."),
T(DC_ODD, 105, "nothing in the configuration looks like a slip",
    "в конфигурации нет похожего на описку",
    "Correct the line named here, or take it out: `dmbox config` shows what is in force.",
    "Исправьте или уберите названную строку: `dmbox config` показывает, что действует."),
T(DC_SECRET, 106, "each webhook has the secret that proves its deliveries",
    "у каждого вебхука есть секрет, подтверждающий доставки",
    "Set the key named here, and enter the same value at the provider. Without it every delivery "
    "is refused with 401.",
    "Задайте названный ключ и то же значение у провайдера. Без него каждая доставка получает 401."),
T(DC_JWT, 107, "there is a key for the tokens of people and programs",
    "есть ключ для токенов людей и программ",
    "Set JWT_SECRET to 32 or more random characters (dmbox init makes one): without it inbox, send "
    "and check-messages answer 503.",
    "Задайте JWT_SECRET из 32 и более случайных символов (его создаёт dmbox init): без него inbox, "
    "send и check-messages отвечают 503."),
T(DC_BELOW, 108, "the configuration lies outside the web server's folders",
    "конфигурация лежит вне папок веб-сервера",
    "Move it, with the accounts folder, out of the web root, for instance to "
    "~/.config/dmbox/dmbox.env, name the new places in DMBOX_CONFIG and DMBOX_ACCOUNTS_DIR, and "
    "renew all secrets.",
    "Перенесите её вместе с папкой аккаунтов из корня сайта, например в "
    "~/.config/dmbox/dmbox.env, укажите новые места в DMBOX_CONFIG и DMBOX_ACCOUNTS_DIR и "
    "смените все секреты."),
T(DC_OPEN, 109, "no webhook takes deliveries from anybody",
    "ни один вебхук не принимает доставки от кого угодно",
    "Set the webhook secret of this account: now anybody can insert messages.",
    "Задайте секрет вебхука этого аккаунта: сейчас сообщения может вставить кто угодно."),
T(DC_SAME, 110, "accounts do not share an id",
    "у аккаунтов разные id",
    "Give each account its own id: a delivery that names it belongs to one account only.",
    "Дайте каждому аккаунту свой id: доставка с этим id относится только к одному аккаунту."),
T(DC_TOKEN, 111, "each account has what the provider's API asks for",
    "у каждого аккаунта есть всё, что нужно API провайдера",
    "Set the keys named here; their values are in the provider's dashboard.",
    "Задайте названные ключи; значения есть в личном кабинете провайдера."),
T(DC_DB_REACH, 201, "the database server can be reached",
    "сервер базы данных доступен",
    "Check host and port in DATABASE_URL and that PostgreSQL runs; a time-out means a firewall "
    "(many hosts block outgoing 5432: ask for it, or use the host's own database).",
    "Проверьте хост и порт в DATABASE_URL и что PostgreSQL запущен; тайм-аут означает межсетевой "
    "экран (многие хостинги закрывают исходящий 5432: попросите открыть или возьмите "
    "базу хостинга)."),
T(DC_DB_LOGIN, 202, "the database accepts the login",
    "база данных принимает логин",
    "Check user, password and database name in DATABASE_URL (and DMBOX_DATABASE_URL_*).",
    "Проверьте пользователя, пароль и имя базы в DATABASE_URL (и DMBOX_DATABASE_URL_*)."),
T(DC_DB_LIMIT, 203, "connections to the database are left",
    "остаются свободные подключения к базе данных",
    "Lower DMBOX_WEBHOOK_THREADS or the server's process limits, end other programs' connections, "
    "or raise the limit of the role or server.",
    "Уменьшите DMBOX_WEBHOOK_THREADS или число процессов веб-сервера, закройте чужие подключения "
    "или поднимите лимит роли либо сервера."),
T(DC_DB_VERSION, 204, "PostgreSQL is version 12 or newer",
    "PostgreSQL версии 12 или новее",
    "Ask the host for a newer PostgreSQL.", "Попросите у хостинга более новый PostgreSQL."),
T(DC_DB_SCHEMA, 205, "the tables are there, in the version these programs need",
    "таблицы есть и той версии, которая нужна программам",
    "Run: `dmbox migrate`.", "Выполните: `dmbox migrate`."),
T(DC_DB_RIGHTS, 206, "each login may do what its program needs",
    "каждому логину разрешено то, что нужно его программе",
    "Run sql/roles.sql as the owner (psql -f sql/roles.sql), or grant what is named here.",
    "Выполните sql/roles.sql от имени владельца (psql -f sql/roles.sql) или выдайте "
    "названные права."),
T(DC_DB_UNIQUE, 207, "the unique key that keeps messages single is there, and in order",
    "уникальный ключ, не дающий сообщениям двоиться, на месте и в порядке",
    "Remove the duplicates, then: `alter table dmbox.messages add unique (account, channel, "
    "thread_id, external_id);`",
    "Удалите повторы, затем: `alter table dmbox.messages add unique (account, channel, thread_id, "
    "external_id);`"),
T(DC_DB_CLOCK, 208, "the database's clock and this machine's agree",
    "часы базы данных и этой машины совпадают",
    "Set the clock (NTP): tokens, the 24-hour window and the order of messages depend on it.",
    "Настройте часы (NTP): от них зависят токены, окно 24 часа и порядок сообщений."),
T(DC_DB_WRITE, 209, "the database can be written to",
    "в базу данных можно писать",
    "The server is a read-only copy, or default_transaction_read_only is on: name the primary in "
    "DATABASE_URL.",
    "Это копия только для чтения, или включён default_transaction_read_only: укажите основной "
    "сервер в DATABASE_URL."),
T(DC_DB_ENCODING, 210, "the database keeps text as UTF-8 and knows its capital letters",
    "база данных хранит текст в UTF-8 и знает его заглавные буквы",
    "Cyrillic and emoji cannot be stored there. Make another one: `create database dmbox_utf8 "
    "encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' template template0;`, name it in "
    "DATABASE_URL, and run dmbox migrate.",
    "Кириллицу и эмодзи там не сохранить. Создайте другую базу: `create database dmbox_utf8 "
    "encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' template template0;`, укажите её в "
    "DATABASE_URL и выполните dmbox migrate."),
T(DC_DB_DURABLE, 211, "what the database has confirmed survives a power cut",
    "подтверждённое базой переживает отключение питания",
    "Switch them on in postgresql.conf, or ask the host: synchronous_commit, fsync, "
    "full_page_writes.",
    "Включите их в postgresql.conf или попросите хостинг: synchronous_commit, fsync, "
    "full_page_writes."),
T(DC_SPOOL, 301, "the spool, which keeps deliveries while the database is away, can be written",
    "в спул, где доставки ждут базу данных, можно писать",
    "Let the folder belong to the group of the web and the cron user: chgrp GROUP, chmod 2770 "
    "(DMBOX_SPOOL_DIR).",
    "Отдайте папку группе веб- и cron-пользователя: chgrp ГРУППА, chmod 2770 (DMBOX_SPOOL_DIR)."),
T(DC_SPOOL_WEB, 302, "the web programs can write to the same spool",
    "веб-программы могут писать в тот же спул",
    "The web server runs as another user: put both users into one group and give the spool to it "
    "(chgrp -R GROUP, chmod -R g+rwX, chmod 2770 on folders).",
    "Веб-сервер работает под другим пользователем: включите обоих в одну группу и отдайте ей спул "
    "(chgrp -R ГРУППА, chmod -R g+rwX, chmod 2770 для папок)."),
T(DC_SPOOL_WAIT, 303, "nothing waits in the spool for long",
    "в спуле ничего долго не ждёт",
    "The poller takes it to the database: see that cron runs it, and that the database is "
    "reachable. Once, now: `dmbox-poll --once`",
    "Его забирает опросчик: проверьте, что cron его запускает и база доступна. Один раз, сейчас: "
    "`dmbox-poll --once`"),
T(DC_SPOOL_BAD, 304, "no spooled delivery was quarantined as unreadable",
    "ни одна доставка из спула не отложена как нечитаемая",
    "Look at the files in bad/ below the spool; move what is whole back to new/.",
    "Посмотрите файлы в bad/ внутри спула; целые верните в new/."),
T(DC_SPACE, 305, "there is room on the disks",
    "на дисках есть место",
    "Free some space: below 16 MiB or 1 % the spool takes nothing more.",
    "Освободите место: если остаётся меньше 16 МиБ или 1 %, спул ничего не принимает."),
T(DC_INODES, 306, "the file systems have inodes left",
    "в файловых системах остались inode",
    "Remove small files (mail, caches, sessions): the disk has room, but takes no new file.",
    "Удалите мелкие файлы (почта, кэши, сессии): место есть, но новый файл не создать."),
T(DC_QUOTA, 307, "a file can be written to its end (quota)",
    "файл удаётся записать до конца (квота)",
    "The quota is used up: remove files or ask the host for more.",
    "Квота исчерпана: удалите файлы или попросите у хостинга больше."),
T(DC_MEDIA, 308, "the folder for attachments can be written",
    "в папку вложений можно писать",
    "chgrp GROUP and chmod 2770 on the folder (DMBOX_MEDIA_DIR): links of providers expire, "
    "pictures would be lost.",
    "chgrp ГРУППА и chmod 2770 для папки (DMBOX_MEDIA_DIR): ссылки провайдеров истекают, картинки "
    "потеряются."),
T(DC_LOG, 309, "the log can be written",
    "журнал можно писать",
    "Give the file of DMBOX_LOG_FILE and its folder to the group of the web and the cron user.",
    "Отдайте файл DMBOX_LOG_FILE и его папку группе веб- и cron-пользователя."),
T(DC_CLOCK, 310, "this machine's clock is right, by the providers'",
    "часы этой машины верны, если сверить с провайдерами",
    "Set this machine's clock (timedatectl set-ntp true, or ask the host): a wrong clock refuses "
    "valid tokens and certificates, and shuts the 24-hour window early or late.",
    "Настройте часы этой машины (timedatectl set-ntp true или попросите хостинг): с неверными "
    "часами отвергаются годные токены и сертификаты, а окно 24 часа считается неправильно."),
T(DC_TICK, 311, "the tick file, which tells open inbox pages of news, moves with the messages",
    "тик-файл, по которому открытые страницы узнают о новом, обновляется вместе с сообщениями",
    "Let the web and the cron user write the folder of DMBOX_TICK_DIR.",
    "Дайте веб- и cron-пользователю право записи в папку DMBOX_TICK_DIR."),
T(DC_CRON, 401, "cron runs dmbox-poll",
    "cron запускает dmbox-poll",
    "Add the line of cron/dmbox.crontab with crontab -e: * * * * * PREFIX/bin/dmbox-poll (and see "
    "cron's mail for errors).",
    "Добавьте через crontab -e строку из cron/dmbox.crontab: * * * * * PREFIX/bin/dmbox-poll "
    "(ошибки приходят письмом cron)."),
T(DC_INTERVAL, 402, "dmbox-poll works until cron starts the next one",
    "dmbox-poll работает до следующего запуска cron",
    "Tell it the interval of the crontab: dmbox-poll --window SECONDS (900 for every 15 minutes); "
    "else nothing is checked in between.",
    "Сообщите интервал из crontab: dmbox-poll --window СЕКУНДЫ (900 для каждых 15 минут), иначе "
    "между запусками проверок нет."),
T(DC_POLL, 403, "the last check of each polled account went well",
    "последний опрос каждого аккаунта прошёл успешно",
    "See the attempts: GET /instagram/check-messages, or select * from dmbox.poll_runs order by id "
    "desc limit 5;",
    "Посмотрите попытки: GET /instagram/check-messages или select * from dmbox.poll_runs order by "
    "id desc limit 5;"),
T(DC_RUNNER, 404, "the poller is this installation's, and comes to its end",
    "опросчик от этой установки и работает до конца",
    "Correct the line of crontab -e: this version's dmbox-poll, with this configuration.",
    "Исправьте строку в crontab -e: dmbox-poll этой версии, с этой конфигурацией."),
T(DC_WEB, 501, "the web server answers and starts the programs",
    "веб-сервер отвечает и запускает программы",
    "See that the server runs and its error log; make install and the apache/ folder have "
    "the routes.",
    "Проверьте, что сервер запущен, и его журнал ошибок; маршруты дают make install и "
    "папка apache/."),
T(DC_SAME_PROGRAM, 502, "it is this installation that answers there, in this version",
    "по этому адресу отвечает именно эта установка и эта версия",
    "Another site or an old copy answers: correct DMBOX_PUBLIC_URL or the server's host, and "
    "restart the FastCGI programs after an update.",
    "Отвечает другой сайт или старая копия: исправьте DMBOX_PUBLIC_URL или хост сервера и "
    "перезапустите FastCGI-программы после обновления."),
T(DC_ENDPOINTS, 503, "every endpoint is routed to its program",
    "каждый адрес ведёт к своей программе",
    "Put the routes of apache/dmbox.conf, apache/htaccess or apache/lighttpd.conf into the "
    "server's configuration.",
    "Внесите в конфигурацию сервера маршруты из apache/dmbox.conf, apache/htaccess или "
    "apache/lighttpd.conf."),
T(DC_FIREWALL, 504, "no firewall of the host stands before the webhook",
    "перед вебхуком не стоит межсетевой экран хостинга",
    "Ask the host to except the webhook's path from mod_security or the web application firewall.",
    "Попросите хостинг исключить путь вебхука из mod_security или веб-экрана."),
T(DC_AUTH_HEADER, 505, "the header Authorization reaches the programs",
    "заголовок Authorization доходит до программ",
    "Apache: CGIPassAuth On (allowed in .htaccess) or FcgidPassHeader Authorization; a proxy must "
    "pass the header on.",
    "Apache: CGIPassAuth On (разрешено в .htaccess) или FcgidPassHeader Authorization; прокси "
    "должен передавать заголовок."),
T(DC_FASTCGI, 506, "the programs stay running (FastCGI)",
    "программы не запускаются заново на каждый запрос (FastCGI)",
    "As plain CGI each delivery starts a program: it works, slower. Ask the host for mod_fcgid.",
    "Как обычный CGI каждая доставка запускает программу: работает, но медленнее. Попросите у "
    "хостинга mod_fcgid."),
T(DC_BODY_LIMIT, 507, "bodies of 1 kB, 130 kB, 200 kB and 1 MB arrive whole",
    "тела в 1 кБ, 130 кБ, 200 кБ и 1 МБ доходят целиком",
    "Raise the server's limit: FcgidMaxRequestLen 16777216 (its default is 131072; not in "
    ".htaccess: ask the host), LimitRequestBody, client_max_body_size, DMBOX_MAX_BODY_BYTES.",
    "Поднимите предел сервера: FcgidMaxRequestLen 16777216 (по умолчанию 131072; не в .htaccess: "
    "попросите хостинг), LimitRequestBody, client_max_body_size, DMBOX_MAX_BODY_BYTES."),
T(DC_CHUNKED, 508, "a body without an announced length arrives",
    "тело без указанной длины доходит",
    "Let the proxy before the programs buffer requests (chunked bodies lose their length "
    "otherwise).",
    "Пусть прокси перед программами собирает запрос целиком (иначе тело chunked теряется)."),
T(DC_REDIRECT, 509, "a POST is not redirected",
    "POST не перенаправляется",
    "Enter the final address (https, with or without www, no slash at the end) at the provider and "
    "in DMBOX_PUBLIC_URL: providers do not follow redirects.",
    "Укажите у провайдера и в DMBOX_PUBLIC_URL конечный адрес (https, с www или без, без косой "
    "черты): провайдеры не следуют перенаправлениям."),
T(DC_SERVED, 510, "the web server does not hand the configuration out",
    "веб-сервер не отдаёт конфигурацию наружу",
    "Move the file out of the web root now and renew every secret and token in it.",
    "Сейчас же перенесите файл из корня сайта и смените все секреты и токены в нём."),
T(DC_HTACCESS, 511, "no .htaccess holds a directive that is forbidden there",
    "в .htaccess нет запрещённых там директив",
    "Take the directive out: with it the server answers 500 to every request. make install writes "
    "a good file.",
    "Уберите директиву: из-за неё сервер отвечает 500 на каждый запрос. Правильный файл пишет "
    "make install."),
T(DC_PROG_MODE, 512, "the programs have the mode that suexec wants",
    "у программ права, которых требует suexec",
    "chmod 755 on the programs and their folders: suexec runs nothing that group or "
    "others may write.",
    "chmod 755 для программ и их папок: suexec не запускает то, что может менять группа "
    "или остальные."),
T(DC_PROG_OWNER, 513, "the programs belong to the owner of their folder",
    "программы принадлежат владельцу своей папки",
    "Install as the user of the site (make install), not as root: suexec compares the owners.",
    "Устанавливайте от имени пользователя сайта (make install), не от root: suexec сравнивает "
    "владельцев."),
T(DC_PROG_LINK, 514, "the programs are files, not links",
    "программы — файлы, а не ссылки",
    "Copy the programs (make install does): suexec follows no links.",
    "Скопируйте программы (как делает make install): suexec не идёт по ссылкам."),
T(DC_SLOW, 515, "answers come within three seconds",
    "ответы приходят за три секунды",
    "The server or the database is overloaded: look at its load, or ask the host.",
    "Сервер или база перегружены: посмотрите на нагрузку или спросите хостинг."),
T(DC_TICK_SERVED, 516, "the web server hands the tick file out, as it is now",
    "веб-сервер отдаёт тик-файл, и именно текущий",
    "Put the route of /inbox/tick/ from apache/dmbox.conf, apache/htaccess, apache/lighttpd.conf "
    "or nginx/dmbox.conf into the server's configuration.",
    "Внесите в конфигурацию сервера маршрут /inbox/tick/ из apache/dmbox.conf, apache/htaccess, "
    "apache/lighttpd.conf или nginx/dmbox.conf."),
T(DC_PUBLIC_URL, 521, "the address that providers call is known, and is https",
    "адрес для провайдеров известен и начинается с https",
    "Set DMBOX_PUBLIC_URL=https://your.domain (with a certificate: Meta and Chatrace call "
    "nothing else).",
    "Задайте DMBOX_PUBLIC_URL=https://ваш.домен (с сертификатом: другое Meta и Chatrace "
    "не вызывают)."),
T(DC_DNS, 522, "the name leads to a public address",
    "имя ведёт на публичный адрес",
    "Correct the DNS record (A, AAAA): providers cannot call a name without an address, or a "
    "private one.",
    "Исправьте запись DNS (A, AAAA): провайдер не может вызвать имя без адреса или с "
    "внутренним адресом."),
T(DC_TLS, 523, "the certificate is valid for the name, with its whole chain",
    "сертификат действителен для имени, цепочка полная",
    "Install a certificate of a public authority for this name, with the intermediate ones "
    "(fullchain.pem).",
    "Установите сертификат публичного центра для этого имени вместе с промежуточными "
    "(fullchain.pem)."),
T(DC_TLS_EXPIRY, 524, "the certificate does not expire soon",
    "сертификат не истекает в ближайшее время",
    "Renew the certificate and reload the web server (certbot renew).",
    "Обновите сертификат и перечитайте конфигурацию веб-сервера (certbot renew)."),
T(DC_OUTSIDE, 525, "the address can be reached from outside",
    "адрес доступен снаружи",
    "This machine cannot call its own public name. Run the curl shown here from another network "
    "(your phone's), then doctor again: it knows the call by its word.",
    "Сервер не может вызвать собственное имя. Выполните показанный curl из другой сети (с "
    "телефона) и запустите doctor снова: он узнает вызов по слову."),
T(DC_EACH_ADDRESS, 526, "each address of the name answers",
    "отвечает каждый адрес имени",
    "A provider takes any of the name's addresses: take the record named here (A or AAAA) out of "
    "the DNS, or let the web server answer there, too (an AAAA record needs listen [::]:443).",
    "Провайдер берёт любой из адресов имени: уберите названную запись (A или AAAA) из DNS или "
    "пусть веб-сервер отвечает и там (для записи AAAA нужен listen [::]:443)."),
T(DC_GREET, 601, "the handshake of Meta succeeds with the right token",
    "проверка адреса от Meta проходит с верным токеном",
    "The verify token here and in the App Dashboard must be equal; the server must pass the query "
    "on unchanged.",
    "Проверочные токены здесь и в App Dashboard должны совпадать; сервер должен передавать строку "
    "запроса без изменений."),
T(DC_GREET_BAD, 602, "the handshake fails with a wrong token",
    "с неверным токеном проверка адреса не проходит",
    "Something other than dmbox answers at the webhook's address: look at the routes.",
    "По адресу вебхука отвечает не dmbox: проверьте маршруты."),
T(DC_SELF_ASCII, 611, "a signed test delivery is stored",
    "подписанная пробная доставка сохраняется",
    "Look for the request id in the log: it says where the delivery ended.",
    "Найдите id запроса в журнале: там сказано, где остановилась доставка."),
T(DC_SELF_CYRILLIC, 612, "a signed test delivery in Cyrillic is stored byte for byte",
    "подписанная пробная доставка кириллицей сохраняется байт в байт",
    "A proxy or firewall rewrites bodies: let it pass them on untouched, else signatures of "
    "Russian messages never match.",
    "Прокси или экран переписывает тела: пусть передаёт их нетронутыми, иначе подписи русских "
    "сообщений не сойдутся."),
T(DC_SELF_REMOVED, 613, "the test rows were removed",
    "пробные строки удалены",
    "delete from dmbox.messages where is_test; delete from dmbox.deliveries"
    " where source = 'doctor';",
    "delete from dmbox.messages where is_test; delete from dmbox.deliveries"
    " where source = 'doctor';"),
T(DC_REFUSED, 801, "no real delivery was refused recently",
    "в последнее время настоящие доставки не отклонялись",
    "Compare the secret at the provider with the configuration, character by character.",
    "Сравните секрет у провайдера и в конфигурации символ за символом."),
T(DC_GAP, 802, "what the provider has is here too, message by message",
    "всё, что есть у провайдера, есть и здесь",
    "Webhooks are lost on the way: see DMB-717, DMB-801 and DMB-720; the poller adds what is "
    "missing while it runs.",
    "Вебхуки теряются по дороге: смотрите DMB-717, DMB-801 и DMB-720; недостающее добавляет "
    "опросчик, пока работает."),
T(DC_NOT_MADE, 803, "what was accepted became messages",
    "принятое стало сообщениями",
    "See the delivery's bytes (dmbox.deliveries_text) and correct what the provider sends; dmbox "
    "replay ID parses it again.",
    "Посмотрите байты доставки (dmbox.deliveries_text) и исправьте то, что шлёт провайдер; dmbox "
    "replay ID разберёт её снова."),
T(DC_FETCHED, 804, "attachments were fetched before their links expired",
    "вложения получены, пока их ссылки действовали",
    "See why (error_text in dmbox.attachments): the host must let programs call out on port 443 to "
    "the provider's media, and DMBOX_MEDIA_DIR needs room.",
    "Посмотрите причину (error_text в dmbox.attachments): хостинг должен разрешать исходящие на "
    "порт 443 к файлам провайдера, а в DMBOX_MEDIA_DIR нужно место."),
T(DC_DEAD, 901, "no outgoing message failed or has an unknown fate",
    "нет исходящих сообщений с ошибкой или неизвестной судьбой",
    "dmbox outbox shows them; dmbox outbox retry ID sends again.",
    "dmbox outbox их показывает; dmbox outbox retry ID отправляет снова."),
T(DC_QUEUED, 902, "no outgoing message waits for long",
    "исходящие сообщения долго не ждут",
    "The poller sends them: see DMB-401 and DMB-903; dmbox outbox shows what waits.",
    "Их отправляет опросчик: смотрите DMB-401 и DMB-903; dmbox outbox показывает очередь."),
T(DC_PAUSED, 903, "no account rests",
    "ни один аккаунт не на паузе",
    "It rests because the provider refused, and goes on by itself at the end of that time: mend "
    "what is named here; with a message in the queue dmbox outbox retry ID lifts the pause.",
    "Пауза из-за отказа провайдера, в конце срока она проходит сама: устраните названную причину; "
    "если в очереди есть сообщение, dmbox outbox retry ID снимает паузу."),
T(DC_BALANCE, 911, "every item that came in has its row (ingest_balance)",
    "у каждого пришедшего элемента есть строка (ingest_balance)",
    "Rows were deleted by hand, or lost: select * from dmbox.ingest_balance where missing <> 0; "
    "then dmbox replay --since T puts them back.",
    "Строки удалили вручную или потеряли: select * from dmbox.ingest_balance where missing <> 0; "
    "dmbox replay --since T вернёт их."),
T(DC_CONTACTS, 912, "each message belongs to a contact that is there",
    "у каждого сообщения есть его контакт",
    "Contacts were deleted by hand: restore dmbox.contacts from a backup, or dmbox replay --since "
    "T, which makes them again; delete people with dmbox purge only.",
    "Контакты удалили вручную: восстановите dmbox.contacts из копии или выполните dmbox replay "
    "--since T, она создаст их снова; удаляйте людей только через dmbox purge."),
T(DC_ERASED, 913, "what was unsent is erased from the ledger within its grace",
    "отозванное стирается из журнала доставок в срок",
    "The poller erases it: see DMB-401; it is done within a minute of its next run.",
    "Стирает опросчик: смотрите DMB-401; это произойдёт в течение минуты после его запуска."),
T(DC_LEAK, 921, "no log contains one of your secrets",
    "ни один секрет не попал в журнал",
    "Delete the line from the log, renew the secret, and write access logs without the query (%U "
    "instead of %r).",
    "Удалите строку из журнала, смените секрет и пишите журналы доступа без строки запроса (%U "
    "вместо %r)."),
};

/* What a check is about, as a list names it; the finding follows. */
static const char *const subjects[DC__MAX][DOCTOR_LANG__MAX] = {
	[DC_FILE] = { "Configuration file", "Файл конфигурации" },
	[DC_MODE] = { "Who may read it", "Кто может его читать" },
	[DC_KEYS] = { "Keys and values", "Ключи и значения" },
	[DC_PLACEHOLDER] = { "Placeholders", "Заглушки" },
	[DC_ODD] = { "Slips", "Описки" },
	[DC_SECRET] = { "Webhook secrets", "Секреты вебхуков" },
	[DC_JWT] = { "Key for tokens", "Ключ для токенов" },
	[DC_BELOW] = { "Place of the configuration", "Место конфигурации" },
	[DC_OPEN] = { "Open webhooks", "Открытые вебхуки" },
	[DC_SAME] = { "Ids of accounts", "Id аккаунтов" },
	[DC_TOKEN] = { "Keys for the provider", "Ключи провайдера" },
	[DC_DB_REACH] = { "Database server", "Сервер базы данных" },
	[DC_DB_LOGIN] = { "Database login", "Вход в базу данных" },
	[DC_DB_LIMIT] = { "Free connections", "Свободные подключения" },
	[DC_DB_VERSION] = { "PostgreSQL version", "Версия PostgreSQL" },
	[DC_DB_SCHEMA] = { "Tables", "Таблицы" },
	[DC_DB_RIGHTS] = { "Rights of the logins", "Права логинов" },
	[DC_DB_UNIQUE] = { "Key against doubles", "Ключ против повторов" },
	[DC_DB_CLOCK] = { "Database clock", "Часы базы данных" },
	[DC_DB_WRITE] = { "Storing a message", "Запись сообщения" },
	[DC_DB_ENCODING] = { "Encoding", "Кодировка" },
	[DC_DB_DURABLE] = { "Safe after a power cut", "Сохранность при сбое питания" },
	[DC_SPOOL] = { "Spool", "Спул" },
	[DC_SPOOL_WEB] = { "Spool, for the web programs", "Спул для веб-программ" },
	[DC_SPOOL_WAIT] = { "Waiting in the spool", "Ждут в спуле" },
	[DC_SPOOL_BAD] = { "Quarantine of the spool", "Карантин спула" },
	[DC_SPACE] = { "Disk space", "Место на диске" },
	[DC_INODES] = { "Inodes", "Inode" },
	[DC_QUOTA] = { "Quota", "Квота" },
	[DC_MEDIA] = { "Folder for attachments", "Папка вложений" },
	[DC_LOG] = { "Log", "Журнал" },
	[DC_CLOCK] = { "Clock of this machine", "Часы этой машины" },
	[DC_TICK] = { "Tick file", "Тик-файл" },
	[DC_CRON] = { "Cron", "Cron" },
	[DC_INTERVAL] = { "Interval of cron", "Интервал cron" },
	[DC_POLL] = { "Last poll", "Последний опрос" },
	[DC_RUNNER] = { "Which poller", "Какой опросчик" },
	[DC_WEB] = { "Web server", "Веб-сервер" },
	[DC_SAME_PROGRAM] = { "Which program answers", "Какая программа отвечает" },
	[DC_ENDPOINTS] = { "Routes", "Маршруты" },
	[DC_FIREWALL] = { "Firewall", "Межсетевой экран" },
	[DC_AUTH_HEADER] = { "Authorization header", "Заголовок Authorization" },
	[DC_FASTCGI] = { "FastCGI or CGI", "FastCGI или CGI" },
	[DC_BODY_LIMIT] = { "Size limit", "Предел размера" },
	[DC_CHUNKED] = { "Chunked bodies", "Тела без длины" },
	[DC_REDIRECT] = { "Redirects", "Перенаправления" },
	[DC_SERVED] = { "Configuration on the web", "Конфигурация в вебе" },
	[DC_HTACCESS] = { ".htaccess", ".htaccess" },
	[DC_PROG_MODE] = { "Mode of the programs", "Права программ" },
	[DC_PROG_OWNER] = { "Owner of the programs", "Владелец программ" },
	[DC_PROG_LINK] = { "Files of the programs", "Файлы программ" },
	[DC_SLOW] = { "Speed", "Скорость" },
	[DC_TICK_SERVED] = { "Tick file on the web", "Тик-файл в вебе" },
	[DC_PUBLIC_URL] = { "Public address", "Публичный адрес" },
	[DC_DNS] = { "DNS", "DNS" },
	[DC_TLS] = { "Certificate", "Сертификат" },
	[DC_TLS_EXPIRY] = { "Certificate's end", "Срок сертификата" },
	[DC_OUTSIDE] = { "From outside", "Снаружи" },
	[DC_EACH_ADDRESS] = { "Each address", "Каждый адрес" },
	[DC_GREET] = { "Handshake", "Проверка адреса" },
	[DC_GREET_BAD] = { "Handshake with a wrong token", "Проверка с неверным токеном" },
	[DC_SELF_ASCII] = { "Test delivery", "Пробная доставка" },
	[DC_SELF_CYRILLIC] = { "Test delivery in Cyrillic", "Пробная доставка кириллицей" },
	[DC_SELF_REMOVED] = { "Test rows", "Пробные строки" },
	[DC_REFUSED] = { "Refused deliveries", "Отклонённые доставки" },
	[DC_GAP] = { "Missing messages", "Недостающие сообщения" },
	[DC_NOT_MADE] = { "Deliveries without a message", "Доставки без сообщения" },
	[DC_FETCHED] = { "Attachments", "Вложения" },
	[DC_DEAD] = { "Failed sends", "Неудачные отправки" },
	[DC_QUEUED] = { "Waiting sends", "Ожидающие отправки" },
	[DC_PAUSED] = { "Paused accounts", "Аккаунты на паузе" },
	[DC_BALANCE] = { "Balance of what came in", "Баланс пришедшего" },
	[DC_CONTACTS] = { "Contacts of messages", "Контакты сообщений" },
	[DC_ERASED] = { "Unsent messages", "Отозванные сообщения" },
	[DC_LEAK] = { "Secrets in logs", "Секреты в журналах" },
};

static struct doctor_text of_providers[DC_OF_LAST - DC_OF_FIRST + 1];	/* made once */

static int
by_number(const void *a, const void *b)
{
	unsigned int x = ((const struct doctor_text *)a)->number;
	unsigned int y = ((const struct doctor_text *)b)->number;

	return (x > y) - (x < y);
}

static void
fill_providers(void)
{
	size_t n = 0;

	for (size_t i = 0; providers[i] != NULL; i++)
		for (size_t k = 0; k < *providers[i]->n_checks; k++) {
			const struct provider_check *c = &providers[i]->checks[k];

			if (n == sizeof of_providers / sizeof *of_providers) {
				LOG_BUG("more checks of providers than places for them");
				return;
			}
			of_providers[n++] =
			    (struct doctor_text){ c->number, { c->what[0], c->what[1] },
			    { c->remedy[0], c->remedy[1] }, { c->subject[0], c->subject[1] } };
		}
	qsort(of_providers, n, sizeof *of_providers, by_number);
}

const struct doctor_text *
doctor_text(enum doctor_check c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct doctor_text *t = &texts[c];

	if (c >= DC_OF_FIRST && c <= DC_OF_LAST) {
		pthread_once(&once, fill_providers);
		t = &of_providers[c - DC_OF_FIRST];
	}
	return t->number != 0 ? t : NULL;
}

const char *
doctor_subject(enum doctor_check c, enum doctor_lang lang)
{
	const struct doctor_text *t = doctor_text(c);
	const char *s = subjects[c][lang];

	if (t == NULL)
		return "";
	if (s == NULL)
		s = t->subject[lang];
	return s != NULL ? s : t->what[lang];
}

enum rc
doctor_check_by_number(unsigned int n, enum doctor_check *out)
{
	for (int i = 0; i < DC__MAX; i++) {
		const struct doctor_text *t = doctor_text((enum doctor_check)i);

		if (t != NULL && t->number == n) {
			*out = (enum doctor_check)i;
			return RC_OK;
		}
	}
	return RC_NONE;
}

enum rc
doctor_check_by_code(const char *s, enum doctor_check *out)
{
	int64_t n;

	if (str_istarts(s, "DMB-"))
		s += 4;
	if (str_i64(s, &n) != RC_OK || n < 0 || n > 999)
		return RC_NONE;
	return doctor_check_by_number((unsigned int)n, out);
}
