/* SPDX-License-Identifier: MIT */
/*
 * People, programs, places and words by the number (contract in world.h).
 * Word and person frequencies follow Zipf's law, as those of mail do.
 */
#include "world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#define WORDS 20000

static const char *const common[] = {
    "the", "to", "your", "for", "of", "and", "re", "meeting", "invoice", "on",
    "in", "update", "project", "new", "with", "call", "report", "offer",
    "from", "question", "about", "contract", "order", "team", "week",
    "monday", "next", "plan", "review", "draft", "budget", "notes", "today",
    "tomorrow", "friday", "request", "follow", "up", "status", "proposal",
    "schedule", "visit", "thanks", "reminder", "payment", "details", "final",
    "feedback", "agenda", "confirm", "appointment", "annual", "quarterly",
    "customer", "support", "ticket", "delivery", "shipping", "launch",
    "design", "website", "training", "workshop", "interview", "application",
    "travel", "flight", "hotel", "booking", "conference", "slides", "minutes",
    "legal", "signature", "signed", "document", "attached", "photos", "video",
    "price", "quote", "discount", "renewal", "subscription", "account",
    "security", "password", "access", "server", "migration", "release",
    "version", "feature", "issue", "holiday", "party", "birthday", "lunch",
    "dinner", "coffee", "welcome", "introduction", "partnership", "marketing"
};

static const char *const first_names[] = {
    "Anna", "Ben", "Carla", "David", "Elena", "Felix", "Grace", "Hugo",
    "Ines", "Jakob", "Karin", "Lukas", "Maria", "Noah", "Olga", "Paul",
    "Quentin", "Rosa", "Simon", "Tara", "Ursula", "Viktor", "Wanda", "Xenia",
    "Yusuf", "Zoe", "Amira", "Bruno", "Chloe", "Dmitri", "Emma", "Farid",
    "Greta", "Henry", "Isabel", "Jonas", "Kenji", "Laura", "Mateo", "Nora"
};

static const char *const providers[] = {
    "gmail.com", "outlook.com", "icloud.com", "yahoo.com", "gmx.de",
    "fastmail.com", "proton.me", "web.de"
};

typedef struct town_t {
    const char *country;
    const char *city;
} town_t;

static const town_t capitals[] = {
    { "United States", "New York" }, { "United States", "Chicago" },
    { "United States", "Seattle" }, { "Germany", "Berlin" },
    { "Germany", "Munich" }, { "Germany", "Hamburg" },
    { "United Kingdom", "London" }, { "United Kingdom", "Leeds" },
    { "France", "Paris" }, { "France", "Lyon" }, { "Spain", "Madrid" },
    { "Spain", "Valencia" }, { "Italy", "Milan" }, { "Italy", "Rome" },
    { "Netherlands", "Utrecht" }, { "Belgium", "Ghent" },
    { "Austria", "Vienna" }, { "Switzerland", "Zurich" },
    { "Poland", "Warsaw" }, { "Poland", "Gdansk" }, { "Czechia", "Brno" },
    { "Denmark", "Aarhus" }, { "Sweden", "Malmo" }, { "Norway", "Bergen" },
    { "Finland", "Turku" }, { "Ireland", "Cork" }, { "Portugal", "Porto" },
    { "Greece", "Athens" }, { "Turkey", "Izmir" }, { "Israel", "Haifa" },
    { "India", "Pune" }, { "India", "Chennai" }, { "Japan", "Osaka" },
    { "Japan", "Tokyo" }, { "South Korea", "Busan" }, { "China", "Shenzhen" },
    { "Singapore", "Singapore" }, { "Australia", "Perth" },
    { "Australia", "Sydney" }, { "New Zealand", "Auckland" },
    { "Brazil", "Recife" }, { "Brazil", "Curitiba" },
    { "Argentina", "Rosario" }, { "Chile", "Santiago" },
    { "Mexico", "Puebla" }, { "Canada", "Toronto" },
    { "Canada", "Calgary" }, { "South Africa", "Durban" },
    { "Kenya", "Nairobi" }, { "Egypt", "Giza" }
};

/* Suburbs make some 400 places of them. */
static const char *const suburbs[] = {
    "", " North", " South", " East", " West", " Harbour", " Park", " Hill"
};

static const char *const browsers[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like"
    " Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101"
    " Firefox/133.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"
    " Thunderbird/128.5.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like"
    " Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1."
    "15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like"
    " Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
};

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* -- chance ------------------------------------------------------------- */

/* A well-mixed function of a number: what a person is, from their number. */
static apr_uint64_t mix(apr_uint64_t x)
{
    x += APR_UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * APR_UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * APR_UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

apr_uint64_t world_random(world_t *world)
{
    return mix(world->state++);
}

double world_fraction(world_t *world)
{
    return (double)(world_random(world) >> 11) / 9007199254740992.0;
}

double world_normal(world_t *world)
{
    double sum = -6;
    int i;

    for (i = 0; i < 12; i++) {
        sum += world_fraction(world);
    }
    return sum;
}

/* Cumulated 1 / rank^power. */
static double *zipf(int count, double power, apr_pool_t *pool)
{
    double *sums = apr_palloc(pool, (apr_size_t)count * sizeof(double));
    double sum = 0;
    int i;

    for (i = 0; i < count; i++) {
        sum += pow(i + 1, -power);
        sums[i] = sum;
    }
    return sums;
}

static int draw(world_t *world, const double *sums, int count)
{
    double want = world_fraction(world) * sums[count - 1];
    int low = 0, high = count - 1;

    while (low < high) {
        int middle = low + (high - low) / 2;

        if (sums[middle] <= want) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* -- programs ----------------------------------------------------------- */

/* The next field of a CSV line, its quotes taken off in place. */
static char *next_field(char **line)
{
    char *field = *line, *out = field, *in = field;
    int quoted = *in == '"';

    in += quoted;
    while (*in && (quoted || *in != ',')) {
        if (quoted && *in == '"') {
            if (in[1] != '"') {
                in++;
                break;
            }
            in++;
        }
        *out++ = *in++;
    }
    *line = *in ? in + 1 : in;
    *out = '\0';
    return field;
}

static void add_agent(world_t *world, const char *user_agent,
                      const char *referer, const char *address)
{
    agent_t *agent = apr_array_push(world->agents);

    agent->user_agent = apr_pstrdup(world->pool, user_agent);
    agent->referer = apr_pstrdup(world->pool, referer);
    agent->address = address ? apr_pstrdup(world->pool, address) : NULL;
}

/* Vectors judged human become people's programs, the others machines. */
static int read_agents(world_t *world, const char *path, int humans)
{
    FILE *file = fopen(path, "r");
    char line[4096];

    if (!file) {
        return 0;
    }
    while (fgets(line, sizeof(line), file)) {
        char *rest = line;
        char *address = next_field(&rest);
        char *user_agent = next_field(&rest);
        char *referer = next_field(&rest);
        int human;

        next_field(&rest);
        human = !strcmp(next_field(&rest), "human");
        if (strcmp(address, "ip") && human == humans) {
            add_agent(world, user_agent, referer, human ? NULL : address);
        }
    }
    fclose(file);
    return 1;
}

/* The first agent whose user agent, or address, has that in it. */
static int find_agent(const world_t *world, const char *user_agent,
                      const char *address)
{
    int i;

    for (i = world->humans; i < world->agents->nelts; i++) {
        const agent_t *a = &APR_ARRAY_IDX(world->agents, i, agent_t);

        if (strstr(a->user_agent, user_agent)
            && strstr(a->address, address)) {
            return i;
        }
    }
    return world->humans;
}

/* -- people ------------------------------------------------------------- */

/* A word nobody uses but that could be one. */
static void coin(char *out, apr_uint64_t seed)
{
    static const char onsets[] = "bdfgklmnprstvz";
    static const char vowels[] = "aeiou";
    int syllables = 2 + (int)(seed % 3);
    int i;

    for (i = 0; i < syllables; i++) {
        seed = mix(seed);
        *out++ = onsets[seed % (sizeof(onsets) - 1)];
        *out++ = vowels[(seed >> 16) % (sizeof(vowels) - 1)];
        if ((seed >> 32) % 3 == 0) {
            *out++ = onsets[(seed >> 40) % (sizeof(onsets) - 1)];
        }
    }
    *out = '\0';
}

int world_pick_person(world_t *world)
{
    return draw(world, world->people, world->people_count);
}

void world_person(person_t *person, const world_t *world, int number)
{
    apr_uint64_t seed = mix((apr_uint64_t)number + 1);
    const char *first = first_names[seed % (apr_uint64_t)COUNT(first_names)];
    int at = (int)(seed >> 20 & 0xffff) % (COUNT(capitals) * COUNT(suburbs));
    char last[24], local[64], company[24];
    char *p;

    coin(last, seed >> 8);
    coin(company, (seed >> 12) % 2000);
    *last = (char)(*last - 'a' + 'A');
    apr_snprintf(person->name, sizeof(person->name), "%s %s", first, last);
    if (seed >> 40 & 1) {
        apr_cpystrn(person->domain, providers[(seed >> 42)
                    % (apr_uint64_t)COUNT(providers)],
                    sizeof(person->domain));
    } else {
        apr_snprintf(person->domain, sizeof(person->domain), "%s.example",
                     company);
    }
    apr_snprintf(local, sizeof(local), "%s.%s%d", first, last, number);
    for (p = local; *p; p++) {
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    }
    apr_snprintf(person->address, sizeof(person->address), "%s@%s", local,
                 person->domain);
    apr_snprintf(person->ip, sizeof(person->ip), "%d.%d.%d.%d",
                 (int)(78 + seed % 16), (int)(seed >> 44 & 255),
                 (int)(seed >> 52 & 255), (int)(1 + (seed >> 60)));
    person->agent = (int)((seed >> 24) % (apr_uint64_t)world->humans);
    apr_snprintf(person->city, sizeof(person->city), "%s%s",
                 capitals[at % COUNT(capitals)].city,
                 suburbs[at / COUNT(capitals)]);
    person->country = capitals[at % COUNT(capitals)].country;
}

int world_pick_agent(world_t *world, const person_t *person)
{
    apr_uint64_t machines = (apr_uint64_t)(world->agents->nelts
                                           - world->humans);
    apr_uint64_t percent = world_random(world) % 100;

    if (percent < 45) {
        return person->agent;
    }
    return percent < 68 ? world->google : percent < 85 ? world->apple
           : world->humans + (int)(world_random(world) % machines);
}

/* -- words -------------------------------------------------------------- */

void world_text(char *out, size_t room, world_t *world, int words)
{
    size_t len = 0;
    char word[32];
    int i;

    out[0] = '\0';
    for (i = 0; i < words; i++) {
        int rank = draw(world, world->words, WORDS);

        if (rank < COUNT(common)) {
            apr_cpystrn(word, common[rank], sizeof(word));
        } else if (rank % 10 == 0) {
            apr_snprintf(word, sizeof(word), "%d", 1000 + rank);
        } else {
            coin(word, (apr_uint64_t)rank);
        }
        if (i == 0 && *word >= 'a') {
            *word = (char)(*word - 'a' + 'A');
        }
        len += (size_t)apr_snprintf(out + len, room - len, "%s%s",
                                    i ? " " : "", word);
    }
}

world_t *world_make(int people, const char *vectors, apr_pool_t *pool)
{
    world_t *world = apr_pcalloc(pool, sizeof(*world));
    int i;

    world->pool = pool;
    world->state = 20250607;
    world->people_count = people;
    world->people = zipf(people, 0.9, pool);
    world->words = zipf(WORDS, 1.0, pool);
    world->agents = apr_array_make(pool, 128, sizeof(agent_t));
    for (i = 0; i < COUNT(browsers); i++) {
        add_agent(world, browsers[i], "", NULL);
    }
    if (!read_agents(world, vectors, 1)) {
        return NULL;
    }
    world->humans = world->agents->nelts;
    if (!read_agents(world, vectors, 0)) {
        return NULL;
    }
    world->google = find_agent(world, "GoogleImageProxy", "66.249.");
    world->apple = find_agent(world, "Mozilla/5.0", "172.226.");
    return world;
}
