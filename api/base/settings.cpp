// Every setting of `serve` and `run`. Long because it is one table.
#include "api/base/settings.h"

#include <array>
#include <optional>
#include <vector>

namespace tocsin::api {
namespace {
using Type = SettingType;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;

// Parts of run's help.
constexpr std::string_view kInput = "Input";
constexpr std::string_view kKeeping = "Keeping";
constexpr std::string_view kOutput = "Output";
constexpr std::string_view kDelivery = "Delivery";

// How one command offers a setting: what is its own of Setting. Each member function gives a copy
// with one more part.
struct Offer {
  Setting of;

  constexpr Offer range(std::int64_t least, std::int64_t most = INT64_MAX) const {
    Offer changed = *this;
    changed.of.least = least;
    changed.of.most = most;
    return changed;
  }
  constexpr Offer option(std::string_view names) const {
    Offer changed = *this;
    changed.of.option = names;
    return changed;
  }
  constexpr Offer value(std::string_view name) const {
    Offer changed = *this;
    changed.of.value = name;
    return changed;
  }
  constexpr Offer form(OptionForm form) const {
    Offer changed = *this;
    changed.of.form = form;
    return changed;
  }
  constexpr Offer needs(std::string_view other) const {
    Offer changed = *this;
    changed.of.needs = other;
    return changed;
  }
  constexpr Offer zero_is_none() const {
    Offer changed = *this;
    changed.of.zero_is_none = true;
    return changed;
  }
};
constexpr Offer run(std::string_view option, std::string_view group, std::string_view standard,
                    std::string_view description) {
  Offer offer;
  offer.of.option = option;
  offer.of.group = group;
  offer.of.standard = standard;
  offer.of.description = description;
  return offer;
}
constexpr Offer serve(std::string_view standard, std::string_view description) {
  Offer offer;
  offer.of.standard = standard;
  offer.of.description = description;
  return offer;
}
constexpr std::optional<Offer> kNot = std::nullopt;  // the command has no such setting

struct Row {
  std::string_view name;
  Type type;
  std::optional<Offer> run;
  std::optional<Offer> serve;
  std::string_view words = {};
  std::string_view kept = {};  // the name under which a data directory keeps it
};
// Both commands have it, said the same way.
constexpr Row both(std::string_view name, Type type, const Offer& offer,
                   std::string_view words = {}) {
  Offer served = offer;
  served.of.option = {};
  served.of.group = Setting{}.group;
  served.of.needs = {};
  return {name, type, offer, served, words};
}
// By table of the configuration file. Long because it is one table.
constexpr auto kRows = std::to_array<Row>({
    Row{"data.path", Type::kText,
        run("--data", kKeeping, "",
            "Store everything in this folder, created if missing: a killed run continues where it "
            "was, and no alert is lost or raised twice")
            .value("FOLDER"),
        serve("tocsin-data", "The folder in which everything is stored")
            .option("--data,--data-path")
            .value("FOLDER")},
    Row{"data.from", Type::kText,
        run("--from", kKeeping, "", "Start the new folder of --data with the state of a savepoint")
            .value("FOLDER")
            .needs("data.path"),
        serve("", "A savepoint's folder: a new data directory starts with its state")
            .value("FOLDER")},
    Row{"data.ack", Type::kText,
        run("--ack", kKeeping, "",
            "Write the number of lines of standard input that are safe, updated as it grows. The "
            "file is removed at the start; when it is there again, it gives the line after which "
            "to continue")
            .value("FILE")
            .needs("data.path"),
        kNot},
    Row{"data.replay_as_new", Type::kBoolean,
        run("--replay-as-new", kKeeping, "",
            "Continue in a folder written by a tocsin version whose rule semantics differ, so that "
            "replaying the same events may produce different alerts: alerts that differ are "
            "reported and not sent")
            .form(OptionForm::kFlag)
            .needs("data.path"),
        kNot},
    Row{"rules.path", Type::kTexts, kNot,
        serve("",
              "Rule files, or folders with .tocsin files below them; none: those in the data "
              "directory")
            .form(OptionForm::kNone)},
    Row{"rules.deploy", Type::kBoolean, kNot,
        serve("false",
              "If the data directory has other rules than rules.path: deploy rules.path instead of "
              "refusing to start")},
    Row{"input.format", Type::kWord,
        run("--input-format", kInput, "auto",
            "How inputs are read; auto: as CSV if their name ends in .csv or .tsv, before .gz or "
            ".zst, and else as JSON lines"),
        kNot, "auto|json|csv"},
    Row{"input.follow", Type::kBoolean,
        run("--follow", kInput, "",
            "Read on as files grow and are rotated, and as new files come into directories, until "
            "a signal ends the run")
            .form(OptionForm::kFlag),
        kNot},
    Row{"input.follow_every", Type::kDuration,
        run("--follow-every", kInput, "200ms",
            "With --follow: how often a file is looked at that has nothing new")
            .range(1'000),
        kNot},
    Row{"input.rotate_wait", Type::kDuration,
        run("--rotate-wait", kInput, "5s",
            "With --follow: how long a renamed log must have had nothing new before the next one "
            "is read")
            .range(0),
        kNot},
    Row{"input.directory_files", Type::kInteger,
        run("--directory-files", kInput, "100000",
            "Files that a directory may have, and of those how many that were read are remembered "
            "with --data")
            .range(1, 10'000'000),
        kNot},
    Row{"input.accept_loss", Type::kTexts,
        run("--accept-loss", kInput, "",
            "Go on without the rest of files that a start named as missing: FILE=BYTES, several "
            "separated by commas")
            .value("LOSSES")
            .needs("data.path"),
        kNot},
    Row{"csv.separator", Type::kWord,
        run("--csv-separator", kInput, "auto",
            "What separates the fields of CSV; auto: recognised by the first line"),
        kNot, "auto|comma|semicolon|tab|pipe"},
    Row{"csv.type", Type::kText,
        run("--csv-type", kInput, "",
            "The event type of every row of CSV (default: the column `type` has it; where the "
            "rules declare one type only, that one)")
            .value("TYPE"),
        kNot},
    Row{"csv.columns", Type::kTexts,
        run("--csv-columns", kInput, "",
            "The columns of CSV without a header, in order, separated by commas (default: the "
            "first line names them)")
            .value("NAMES"),
        kNot},
    Row{"csv.rename", Type::kTexts,
        run("--csv-rename", kInput, "",
            "Read columns of CSV under other names: COLUMN=NAME, several separated by commas")
            .value("NAMES"),
        kNot},
    Row{"csv.decimal", Type::kWord,
        run("--csv-decimal", kInput, "point", "What stands before the decimals of numbers in CSV"),
        kNot, "point|comma"},
    Row{"rules.event_steps_max", Type::kInteger,
        run("--event-steps-max", kInput, "100000",
            "Steps that one event may take for a rule and a key. Beyond them the oldest partial "
            "matches are dropped or matches given up, and the alert tocsin.budget names both")
            .range(1'000, 1'000'000'000),
        serve("100000",
              "Steps that one event may take for a rule and a key; beyond them the oldest partial "
              "matches are dropped or matches given up, and the alert tocsin.budget names both")
            .range(1'000, 1'000'000'000),
        "", "--event-steps-max"},
    Row{"rules.workers", Type::kInteger,
        run("--workers", kInput, "0",
            "Threads that match events; 0: as many as there are cores. Alerts do not depend on it")
            .range(0, 64),
        serve(
            "0",
            "Threads that match events; 0: as many as there are cores. Alerts do not depend on it")
            .option("--workers,--rules-workers")
            .range(0, 64)},
    Row{"http.listen", Type::kText, kNot,
        serve("127.0.0.1:8627",
              "Where to listen: a numeric address and a port; port 0 is any free one")
            .option("--listen,--http-listen")
            .value("ADDRESS")},
    Row{"http.tls_certificate", Type::kText, kNot,
        serve(
            "",
            "The server's certificate in PEM, followed by those between it and its authority; with "
            "it and http.tls_key the server speaks HTTPS alone")
            .value("FILE")},
    Row{"http.tls_key", Type::kText, kNot,
        serve("", "The certificate's private key in PEM, without a passphrase").value("FILE")},
    Row{"http.tls_clients", Type::kText, kNot,
        serve(
            "",
            "Authorities in PEM: only clients with a certificate of one of them are served, beside "
            "their token")
            .value("FILE")},
    Row{"http.tls_client_crl", Type::kText, kNot,
        serve("",
              "Lists of revoked certificates in PEM, one of each authority of http.tls_clients: a "
              "certificate in one is refused, and all of an authority whose list is out of date")
            .value("FILE")},
    Row{"http.insecure_public", Type::kBoolean, kNot,
        serve(
            "false",
            "Listen on an address that other machines can reach although traffic is not encrypted")
            .option("--insecure-public,--http-insecure-public")
            .form(OptionForm::kFlag)},
    Row{"http.trusted_proxies", Type::kTexts, kNot,
        serve("",
              "Proxies that are believed when they say whom a request comes from, and by what: "
              "forwarded=ADDRESS, x-forwarded-for=ADDRESS or proxy=ADDRESS (the PROXY protocol); "
              "ADDRESS may be a range such as 10.0.0.0/8")},
    Row{"http.port_file", Type::kText, kNot,
        serve("", "The file to write the port to once the server listens").value("FILE")},
    Row{"http.connections_max", Type::kInteger, kNot,
        serve("10000",
              "Simultaneous connections; beyond them the one that has waited longest for a "
              "request is closed")
            .range(1, 1'000'000)},
    Row{"http.io_threads", Type::kInteger, kNot,
        serve("2", "Threads that hold the connections").range(1, 64)},
    Row{"http.workers", Type::kInteger, kNot,
        serve("64", "Threads that answer requests").range(1, 10'000)},
    Row{"http.queue_max", Type::kInteger, kNot,
        serve("1024", "Requests that wait for such a thread; more are answered with 503")
            .range(1, 1'000'000)},
    Row{"http.head_bytes_max", Type::kBytes, kNot,
        serve("32KiB", "Size of a request's line and headers").range(kKiB, kMiB)},
    Row{"http.header_count_max", Type::kInteger, kNot,
        serve("100", "Headers of a request").range(10, 1000)},
    Row{"http.body_bytes_max", Type::kBytes, kNot,
        serve("16MiB", "Size of a request's body, as it is sent").range(kKiB, kGiB)},
    Row{"http.unpacked_bytes_max", Type::kBytes, kNot,
        serve("64MiB", "Size of a compressed body after decompression").range(kKiB, 2 * kGiB)},
    Row{"http.unpack_ratio_max", Type::kInteger, kNot,
        serve("200",
              "How many times its size a compressed body may have after decompression, where that "
              "is more than 1 MiB; 0: any")
            .range(0, 1'000'000)},
    Row{"http.bodies_bytes_max", Type::kBytes, kNot,
        serve("256MiB", "Size of all bodies held at once; more are answered with 503")
            .range(kKiB, 64 * kGiB)},
    Row{"http.share_max", Type::kInteger, kNot,
        serve("75",
              "Percent of the room for bodies, of live streams, and of places to wait in, that one "
              "token, person or address may take")
            .range(1, 100)},
    Row{"http.head_time_max", Type::kDuration, kNot,
        serve("10s", "Time to receive a request's head")},
    Row{"http.request_time_max", Type::kDuration, kNot,
        serve("60s", "Time for a whole request, including its answer")},
    Row{"http.keep_alive_max", Type::kDuration, kNot,
        serve("60s", "Time between two requests of a connection")},
    Row{"http.requests_per_second", Type::kInteger, kNot,
        serve("1000", "Requests of one token per second").range(1, 1'000'000)},
    Row{"http.requests_burst", Type::kInteger, kNot,
        serve("2000", "Requests of one token at once").range(1, 1'000'000)},
    Row{"people.header", Type::kText, kNot,
        serve("",
              "The header by which a proxy that signs people in names them, such as "
              "X-Forwarded-User; what they may do says the list of people (PUT /v1/people/{who})")
            .value("NAME")},
    Row{"people.groups_header", Type::kText, kNot,
        serve("", "The header in which it says their groups, with commas between them")
            .value("NAME")},
    Row{"people.proxies", Type::kTexts, kNot,
        serve("",
              "Addresses of which these headers are believed; each may be a range such as "
              "10.0.0.0/8")},
    Row{"people.entries_max", Type::kInteger, kNot,
        serve("10000", "Entries of the list of people").range(1, 1'000'000)},
    Row{"privacy.roles", Type::kTexts, kNot,
        serve("analyst,author,operator,admin",
              "The roles that are shown values of fields that are marked pii; the others see marks")
            .value("NAMES")},
    Row{"privacy.released", Type::kTexts, kNot,
        serve(
            "",
            "Fields that count as not marked although they were, each as TYPE.FIELD; until then a "
            "field that was marked once is masked, in earlier alerts too")
            .value("NAMES")},
    Row{"openid.issuer", Type::kText, kNot,
        serve("",
              "The URL of an issuer of OpenID Connect, by which people sign in to the console; "
              "their roles says the list of people (PUT /v1/people/{who})")
            .value("URL")},
    Row{"openid.client", Type::kText, kNot,
        serve("", "As what this server is registered there").value("ID")},
    Row{"openid.secret_file", Type::kText, kNot,
        serve("", "The file with the client's secret, where it has one").value("FILE")},
    Row{"openid.server", Type::kText, kNot,
        serve("",
              "This server as browsers see it; the issuer sends them back to /console/signed-in "
              "there")
            .value("URL")},
    Row{"openid.scope", Type::kText, kNot,
        serve("openid email profile", "What the issuer is asked for")},
    Row{"openid.name_claim", Type::kText, kNot,
        serve("email",
              "The claim that names people; a mail address has to be one that is verified")},
    Row{"openid.groups_claim", Type::kText, kNot,
        serve("groups", "The claim that lists their groups")},
    Row{"openid.session_age", Type::kDuration, kNot,
        serve("12h", "After this long a person signs in at the issuer again").range(1'000'000)},
    Row{"openid.timeout", Type::kDuration, kNot,
        serve("5s", "Time for each answer of the issuer").range(1'000, 60'000'000)},
    Row{"openid.sign_ins_per_second", Type::kInteger, kNot,
        serve("5", "Sign-ins of one address per second, where nobody is known yet")
            .range(1, 1'000'000)},
    Row{"openid.sign_ins_burst", Type::kInteger, kNot,
        serve("100", "Sign-ins of one address at once").range(1, 1'000'000)},
    Row{"console.enabled", Type::kBoolean, kNot,
        serve("true", "Serve the web console at /console/, and let browsers sign in to it")
            .form(OptionForm::kSwitch)},
    Row{"console.session_idle", Type::kDuration, kNot,
        serve("12h", "A browser that asks for nothing for this long is signed out")
            .range(1'000'000)},
    Row{"console.session_age", Type::kDuration, kNot,
        serve("7d", "A browser is signed out this long after it signed in").range(1'000'000)},
    Row{"console.sessions_max", Type::kInteger, kNot,
        serve("1000",
              "Browsers that are signed in at once; beyond them the one that was used longest ago "
              "is signed out")
            .range(1, 10'000)},
    Row{"console.token_sessions_max", Type::kInteger, kNot,
        serve("20", "Likewise, browsers that are signed in with one token").range(1, 10'000)},
    Row{"console.dismiss_reasons", Type::kTexts, kNot,
        serve("the customer confirmed it,known behaviour of this customer,"
              "a test\\, or one of our own,a repeat of another alert,the data was wrong,"
              "the rule is too broad,too small to matter,not enough to go on,another reason",
              "Why an alert is dismissed: 1 to 9 reasons, which the console offers by their "
              "number, separated by commas; \\, is a comma in a reason")},
    Row{"series.age", Type::kDuration, kNot,
        serve("24h",
              "Figures for charts (GET /v1/series) are kept in memory for this long; 0: none")
            .range(0, 2'592'000'000'000)},
    Row{"series.step", Type::kDuration, kNot,
        serve("10s", "How often they are taken").range(1'000'000, 3'600'000'000)},
    Row{"history.events_max", Type::kInteger, kNot,
        serve("1000000",
              "Events that the history of a key (GET /v1/keys/KEY/history) replays at most; then "
              "it ends, and says where")
            .range(1, 1'000'000'000)},
    Row{"history.values_max", Type::kInteger, kNot,
        serve("200000", "Values that it keeps at most, of the newest events").range(1, 10'000'000)},
    Row{"history.lists_time", Type::kDuration, kNot,
        serve("20s",
              "Time for reading the whole archive, so that the explanation of an alert knows what "
              "lists and tables held then; beyond it the key's own events alone are read")
            .range(1'000, 25'000'000)},
    Row{"history.keys_max", Type::kInteger, kNot,
        serve("100000", "Keys of the engine's state that one page of GET /v1/keys examines at most")
            .range(1, 10'000'000)},
    Row{"health.source_behind", Type::kDuration, kNot,
        serve("10m", "GET /v1/health names a source that is further behind than this")
            .range(1'000'000)},
    Row{"health.delivery_wait", Type::kDuration, kNot,
        serve("15m", "Likewise, deliveries of which the oldest has waited for longer")
            .range(1'000'000)},
    Row{"health.checkpoint_age", Type::kDuration, kNot,
        serve("30m", "Likewise, a checkpoint that is older, with events since").range(1'000'000)},
    Row{"health.disk_free_percent", Type::kInteger, kNot,
        serve("10", "Likewise, a disk of which less is free, in percent").range(0, 99)},
    Row{"health.certificate_left", Type::kDuration, kNot,
        serve("14d", "Likewise, a certificate that ends sooner").range(1'000'000)},
    Row{"events.request_events_max", Type::kInteger, kNot,
        serve("100000", "Events of one request").range(1, 100'000'000)},
    Row{"events.queue_requests_max", Type::kInteger, kNot,
        serve("10000", "Requests with events that wait for the engine; more are answered with 503")
            .range(1, 1'000'000)},
    Row{"events.queue_bytes_max", Type::kBytes, kNot,
        serve("64MiB", "Size of the events in them; more are answered with 503")
            .range(kKiB, 64 * kGiB)},
    Row{"events.producers_max", Type::kInteger, kNot,
        serve("10000", "Producers whose sequences are remembered").range(1, 10'000'000)},
    Row{"events.producers_expire", Type::kDuration, kNot,
        serve("30d",
              "A producer that has sent nothing for this long is forgotten, with its sequence; 0: "
              "never")
            .zero_is_none()},
    Row{"events.unknown_types", Type::kWord,
        run("--unknown-types", kInput, "dead",
            "What happens to an event of an undeclared type: dead rejects it as a dead letter, "
            "ignore counts and skips it"),
        serve("dead",
              "What happens to an event of an undeclared type: dead makes it invalid and stores it "
              "as a dead letter, ignore counts and skips it"),
        "dead|ignore", "--unknown-types"},
    both("kafka.brokers", Type::kText,
         run("--kafka-brokers", kInput, "",
             "Kafka brokers to read from, HOST:PORT, separated by commas")
             .value("BROKERS")
             .needs("kafka.topics")),
    both("kafka.topics", Type::kTexts,
         run("--kafka-topics", kInput, "",
             "Topics to read, separated by commas, each partition as an input of its own; instead "
             "of --input")
             .value("TOPICS")
             .needs("data.path")),
    both("kafka.group", Type::kText,
         run("--kafka-group", kInput, "tocsin",
             "The consumer group under which the brokers are told how far topics were read, for "
             "tools that show the lag; what is read does not depend on it; empty: none")
             .value("NAME")),
    both("kafka.client_file", Type::kText,
         run("--kafka-client-file", kInput, "",
             "Properties of the Kafka client, such as those for SASL and TLS: a file with lines "
             "NAME = VALUE")
             .value("FILE")),
    both(
        "kafka.format", Type::kWord,
        run("--kafka-format", kInput, "json", "What messages are; avro and protobuf need a schema"),
        "json|avro|protobuf"),
    both("kafka.registry", Type::kText,
         run("--kafka-registry", kInput, "",
             "The schema registry that has the schemas which messages name")
             .value("URL")),
    both("kafka.registry_auth_file", Type::kText,
         run("--kafka-registry-auth-file", kInput, "",
             "The file with the registry's user and password: one line, USER:PASSWORD")
             .value("FILE")),
    both("kafka.registry_timeout", Type::kDuration,
         run("--kafka-registry-timeout", kInput, "5s",
             "How long an answer of the registry may take; then it is asked again")
             .range(1000)),
    both("kafka.schema_file", Type::kText,
         run("--kafka-schema-file", kInput, "", "The schema of all messages, which then name none")
             .value("FILE")),
    both("kafka.schema_message", Type::kText,
         run("--kafka-schema-message", kInput, "",
             "The full name of the messages' type in a schema file of protobuf")
             .value("NAME")),
    both("kafka.schema_bytes_max", Type::kBytes,
         run("--kafka-schema-bytes-max", kInput, "1MiB",
             "Size of a schema; messages of a larger one are dead letters")
             .range(kKiB, 64 * kMiB)),
    both("kafka.schemas_max", Type::kInteger,
         run("--kafka-schemas-max", kInput, "1000",
             "Schemas of the registry that are kept in memory")
             .range(1, 1'000'000)),
    both("kafka.schemas_bytes_max", Type::kBytes,
         run("--kafka-schemas-bytes-max", kInput, "16MiB",
             "Size of the texts of those schemas; the one used last is kept in any case")
             .range(kKiB, 64 * kGiB)),
    both("kafka.event_type", Type::kWord,
         run("--kafka-event-type", kInput, "field",
             "What names the event type of a message with a schema: its field `type`, or if it has "
             "none, the schema; or always the schema"),
         "field|schema"),
    both("kafka.begin", Type::kWord,
         run("--kafka-begin", kInput, "first",
             "Where a topic is begun of which nothing was read: at its first message, or at its "
             "end"),
         "first|end"),
    Row{"kafka.until_end", Type::kBoolean,
        run("--kafka-until-end", kInput, "", "End the run where the topics end when it starts")
            .form(OptionForm::kFlag)
            .needs("kafka.topics"),
        kNot},
    both("kafka.accept_gap", Type::kTexts,
         run("--kafka-accept-gap", kInput, "",
             "Go on without messages that a start named as missing: TOPIC/PARTITION=FROM..TO")
             .value("GAPS")),
    both("kafka.start_timeout", Type::kDuration,
         run("--kafka-start-timeout", kInput, "30s",
             "How long a start waits for a broker that answers, and then gives up")
             .range(1)),
    both("kafka.idle_after", Type::kDuration,
         run("--kafka-idle-after", kInput, "30s",
             "A partition that was read to its end and has had no message for this long no longer "
             "holds back the others; 0: it always does")
             .zero_is_none()),
    both("kafka.drift_max", Type::kDuration,
         run("--kafka-drift-max", kInput, "10m",
             "How far, in event time, a partition may be read ahead of the slowest one; then it is "
             "paused; 0: no limit")
             .zero_is_none()),
    Row{"kafka.read_alerts_topics", Type::kTexts, kNot,
        serve("",
              "Topics of alerts that other engines write (a Flink job, another server), separated "
              "by commas: they are stored and delivered as alerts raised here are; empty: none")
            .value("TOPICS")},
    Row{"kafka.alerts_topic", Type::kText, kNot,
        serve("", "The topic to which alerts are written, each once; empty: none").value("TOPIC")},
    Row{"kafka.alerts_shadow", Type::kBoolean, kNot,
        serve("false", "Whether alerts of shadow rules are written to kafka.alerts_topic too")},
    Row{"kafka.alerts_pii", Type::kBoolean, kNot,
        serve("false",
              "Whether alerts are written to kafka.alerts_topic with values of fields that are "
              "marked pii; else marks stand for them")},
    Row{"kafka.late_topic", Type::kText, kNot,
        serve("", "The topic to which late events are written as they came; empty: none")
            .value("TOPIC")},
    Row{"kafka.dead_topic", Type::kText, kNot,
        serve("", "The topic to which dead letters are written as they came; empty: none")
            .value("TOPIC")},
    Row{"kafka.writer", Type::kText, kNot,
        serve("",
              "Under which name this server writes to its topics; of servers with one name the "
              "last that was started writes; empty: the name of kafka.group")
            .value("NAME")},
    Row{"kafka.write_brokers", Type::kText, kNot,
        serve("", "Brokers of the topics that are written; empty: those of kafka.brokers")
            .value("BROKERS")},
    Row{"kafka.write_client_file", Type::kText, kNot,
        serve("",
              "Properties of the Kafka client that writes; empty: those of kafka.client_file, "
              "unless kafka.write_brokers is set")
            .value("FILE")},
    Row{"kafka.batch_bytes", Type::kBytes, kNot,
        serve("1MiB", "Size of the messages that are written in one transaction")
            .range(kKiB, 64 * kMiB)},
    Row{"kafka.tail_max", Type::kInteger, kNot,
        serve("100000",
              "Messages that a start reads back at most to know what was written before a crash")
            .range(50'000, 10'000'000)},
    Row{"memory.max", Type::kBytes,
        run("--memory-max", kKeeping, "",
            "Limit the memory of the state. Beyond it the run ends; nothing is lost, and a start "
            "with a larger limit continues (default: no limit)")
            .range(1)
            .needs("data.path"),
        serve("0",
              "Memory of the rules' state and of events that wait to be put in order; beyond it "
              "events are answered with 503 until it falls; 0: no limit")
            .zero_is_none()},
    Row{"memory.reorder", Type::kBytes,
        run("--reorder-memory", kInput, "1GiB",
            "Memory for events that wait to be put in order. Beyond it the run ends; with --data "
            "nothing is lost, and a start with a larger size continues")
            .range(1),
        serve("1GiB", "The same for events that wait to be put in order alone")
            .range(64 * kKiB, 1024 * kGiB)},
    Row{"lists.entries_max", Type::kInteger, kNot,
        serve("1000000", "Entries of a list, or rows of a table, after changes")
            .range(1, 1'000'000'000)},
    Row{"lists.value_bytes_max", Type::kBytes, kNot,
        serve("1KiB", "Size of one text in an entry").range(16, kMiB)},
    Row{"time.out_of_orderness", Type::kDuration,
        run("--out-of-orderness", kInput, "",
            "How long to wait for events out of time order; overrides the `up to D late` of the "
            "event types (default: theirs, or 0)"),
        serve("0", "How long to wait for events out of time order; alerts wait as long"), "",
        "--out-of-orderness"},
    Row{"time.late_policy", Type::kWord,
        run("--late-policy", kInput, "side",
            "What happens to a later event: side moves it to the side output, clamp processes it "
            "at the time already reached"),
        serve("clamp",
              "What happens to a later event: clamp processes it at the time already reached, side "
              "moves it to the side output"),
        "side|clamp", "--late-policy"},
    Row{"time.late_max", Type::kDuration,
        run("--late-max", kInput, "",
            "Events later than this go to the side output even with --late-policy clamp (default: "
            "no limit)"),
        serve("0", "Events later than this go to the side output under either policy; 0: no limit")
            .zero_is_none(),
        "", "--late-max"},
    Row{"time.ahead_max", Type::kDuration,
        run("--ahead-max", kInput, "10m",
            "Reject an event that is further ahead of the clock than this, so that one wrong clock "
            "does not move time for all; 0: no limit")
            .zero_is_none(),
        serve("10m",
              "An event further ahead of the clock is invalid, so that one wrong clock does not "
              "move time; 0: no limit")
            .zero_is_none(),
        "", "--ahead-max"},
    Row{"time.jump_max", Type::kDuration,
        run("--jump-max", kInput, "1d",
            "Hold an event that is ahead of its input's time by more than this until the next one "
            "confirms it; reject it if the next three are back at the old time; 0: never; not with "
            "--late-policy clamp")
            .zero_is_none(),
        serve("1d",
              "With late_policy side: an event that is ahead of the previous events' time by more "
              "than this is held until the next confirms it, and is invalid if the next three are "
              "back at the old time; 0: never")
            .zero_is_none(),
        "", "--jump-max"},
    Row{"time.heartbeat", Type::kDuration,
        run("--heartbeat", kInput, "",
            "On a pipe or terminal: after each such period without a line, time advances with the "
            "clock, so that absences are decided (default: time waits for events)")
            .range(1),
        serve("1s",
              "After this long without an event, time advances with the clock, so that absences "
              "are decided; 0: time waits for events")
            .zero_is_none()},
    Row{"time.idle_after", Type::kDuration,
        run("--idle-after", kInput, "",
            "On a pipe or terminal: after this long without a line, the input no longer holds back "
            "the others (default: it always does)")
            .range(1),
        kNot},
    Row{"time.drift_max", Type::kDuration,
        run("--drift-max", kInput, "0",
            "How far, in event time, an input may be read ahead of the slowest one while that one "
            "has no data; 0: each waits for its turn")
            .zero_is_none(),
        kNot},
    Row{"time.order", Type::kWord,
        run("--order", kInput, "merged",
            "Which of several events at one time is first: merged is the order in which inputs are "
            "merged, position that of the inputs, then of their lines; position not with --data"),
        kNot, "merged|position"},
    Row{"time.final_watermark", Type::kBoolean,
        run("--final-watermark", kInput, "",
            "At the end of the inputs, move time past every deadline, so that absences are decided "
            "(default without --data), or leave them pending")
            .form(OptionForm::kSwitch),
        kNot},
    Row{"journal.segment_bytes", Type::kBytes,
        run("--journal-segment", kKeeping, "", "Size of a journal file (default: 64MiB)")
            .range(8 * kKiB, kGiB)
            .needs("data.path"),
        serve("64MiB", "Size of a journal file").range(8 * kKiB, kGiB), "", "--journal-segment"},
    Row{"checkpoint.every", Type::kDuration,
        run("--checkpoint-every", kKeeping, "30s",
            "How often a checkpoint is written, from which a start continues")
            .range(1)
            .needs("data.path"),
        serve("30s", "How often a checkpoint is written, from which a start continues").range(1)},
    Row{"archive.enabled", Type::kBoolean, kNot,
        serve("true",
              "Whether events are kept, packed, after the journal has removed them: for `tocsin "
              "archive`")},
    Row{"archive.keep_for", Type::kDuration, kNot,
        serve("30d", "How long events are archived after they arrived; 0: for ever")
            .zero_is_none()},
    Row{"archive.bytes_max", Type::kBytes, kNot,
        serve("20GiB", "Size of the archive: beyond it the oldest events go; 0: no limit")
            .zero_is_none()},
    Row{"archive.backlog_max", Type::kBytes, kNot,
        serve("1GiB",
              "What the journal keeps if the archive cannot be written: beyond it the oldest "
              "events are not archived")
            .range(kMiB, 1024 * kGiB)},
    Row{"backtests.workers", Type::kInteger, kNot,
        serve("1", "Threads that match the events of a backtest").range(1, 256)},
    Row{"backtests.memory_max", Type::kBytes, kNot,
        serve("1GiB",
              "Memory of what the rules of a backtest remember: beyond it the backtest "
              "fails")
            .range(kMiB, 1024 * kGiB)},
    Row{"backtests.compare_max", Type::kInteger, kNot,
        serve("1000000",
              "Alerts of a set of rules that a backtest compares, in about 50 bytes "
              "each")
            .range(1, 1'000'000'000)},
    Row{"backtests.queue_max", Type::kInteger, kNot,
        serve("8", "Backtests that wait; more are answered with 429").range(1, 1000)},
    Row{"backtests.kept_max", Type::kInteger, kNot,
        serve("100", "Backtests that are kept after their end: beyond it the oldest go")
            .range(1, 10'000)},
    Row{"backtests.kept_bytes_max", Type::kBytes, kNot,
        serve("256MiB", "Size of their reports: beyond it the oldest go").range(kMiB, kGiB)},
    Row{"checks.at_once", Type::kInteger, kNot,
        serve("2", "Checks, tests and dry runs of rules at once; more are answered with 503")
            .range(1, 64)},
    Row{"checks.memory_max", Type::kBytes, kNot,
        serve("256MiB",
              "Memory of what the rules of a dry run remember: beyond it the dry run fails")
            .range(kMiB, 1024 * kGiB)},
    Row{"checks.time_max", Type::kDuration, kNot,
        serve("30s", "Time for a dry run: beyond it the dry run fails")
            .range(1'000'000, 3'600'000'000)},
    Row{"queries.at_once", Type::kInteger, kNot,
        serve("4",
              "Queries of alerts, comparisons and pages of exports at once, in threads of lower "
              "priority; more wait")
            .range(1, 64)},
    Row{"queries.waiting_max", Type::kInteger, kNot,
        serve("24", "Queries that wait; more are answered with 503").range(0, 10'000)},
    Row{"queries.wait_max", Type::kDuration, kNot,
        serve("10s", "Time to wait: then a query is answered with 503")
            .range(100'000, 600'000'000)},
    Row{"queries.exports_max", Type::kInteger, kNot,
        serve("8", "Exports of alerts at once; more are answered with 503").range(1, 1000)},
    Row{"profile.every", Type::kDuration, kNot,
        serve("1m", "How often rules are measured for the metrics of what they cost; 0: never")
            .zero_is_none()},
    Row{"profile.time", Type::kDuration, kNot,
        serve("2s", "How long they are measured, at most profile.every")
            .range(100'000, 60'000'000)},
    Row{"profile.rules_max", Type::kInteger, kNot,
        serve("20", "Rules that these metrics name, the dearest ones; the others are one figure")
            .range(1, 1000)},
    Row{"backups.to", Type::kText, kNot,
        serve("",
              "Where backups of the data directory go: a folder, best on another disk, or "
              "s3://BUCKET/PREFIX; none: no backups")
            .value("PLACE")},
    Row{"backups.every", Type::kDuration, kNot,
        serve("0", "Back up this often; 0: only when it is asked for (POST /v1/backups)")
            .zero_is_none()},
    Row{"backups.keep", Type::kInteger, kNot,
        serve("7", "Backups that are kept: beyond it the oldest go; 0: all are kept")
            .range(0, 10'000)},
    Row{"backups.bytes_per_second", Type::kBytes, kNot,
        serve("64MiB", "How much of the data directory a backup reads in a second; 0: no limit")
            .zero_is_none()},
    Row{"backups.s3_endpoint", Type::kText, kNot,
        serve("",
              "The address of the S3-compatible store, such as https://minio.example.com:9000; "
              "none: that of AWS in the region")
            .value("URL")},
    Row{"backups.s3_region", Type::kText, kNot,
        serve("us-east-1", "The region of the bucket, which is signed").value("NAME")},
    Row{"backups.s3_path_style", Type::kBoolean, kNot,
        serve("true", "Whether the bucket is in the path of a URL; false: before the host")},
    Row{"backups.s3_credentials_file", Type::kText, kNot,
        serve("",
              "The file with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (default: the "
              "environment, or the credential tocsin-s3-credentials of systemd)")
            .value("FILE")},
    Row{"backups.s3_part_bytes", Type::kBytes, kNot,
        serve("16MiB", "How much of an object one request moves, and is held in memory")
            .range(5 * kMiB, kGiB)},
    Row{"backups.s3_timeout", Type::kDuration, kNot,
        serve("60s", "Time for a request, of so much of an object").range(100'000, 3'600'000'000)},
    Row{"backups.s3_attempts", Type::kInteger, kNot,
        serve("5", "How often a request is sent where the store is busy or does not answer")
            .range(1, 100)},
    Row{"views.max", Type::kInteger, kNot,
        serve("1000", "Saved views of alerts, of all people together").range(1, 10'000)},
    Row{"views.own_max", Type::kInteger, kNot,
        serve("100", "Saved views of one person").range(1, 10'000)},
    Row{"alerts.query_rows_max", Type::kInteger, kNot,
        serve("100000", "Alerts that one page of a query examines; the next page continues")
            .range(100, 10'000'000)},
    Row{"alerts.streams_max", Type::kInteger, kNot,
        serve("1000", "Live streams at once; more are answered with 503").range(1, 100'000)},
    Row{"alerts.stream_heartbeat", Type::kDuration, kNot,
        serve("15s", "How often an idle live stream gets a comment")},
    Row{"webhooks.allow", Type::kTexts, kNot,
        serve("",
              "Non-public addresses and ranges that webhooks may go to, such as 10.20.0.0/16 or "
              "127.0.0.1")},
    Row{"webhooks.slots", Type::kInteger, kNot,
        serve("16", "Simultaneous webhooks to endpoints whose last answer was good")
            .range(1, 1024)},
    Row{"webhooks.unproven_slots", Type::kInteger, kNot,
        serve("64", "Simultaneous webhooks to all others: new, failing or slow ones")
            .range(1, 1024)},
    Row{"webhooks.retry_delays", Type::kTexts, kNot,
        serve("5s,1m,5m,30m,2h,5h,10h,20h",
              "Delay before the second, third, … attempt, each varied by up to a quarter")},
    Row{"webhooks.connect_timeout", Type::kDuration, kNot,
        serve("3s", "Time to connect to an endpoint")},
    Row{"webhooks.total_timeout", Type::kDuration, kNot, serve("15s", "Time for a whole attempt")},
    Row{"webhooks.log_max", Type::kInteger, kNot,
        serve("1000", "Attempts that are logged for each subscription").range(1, 1'000'000)},
    Row{"webhooks.subscriptions_max", Type::kInteger, kNot,
        serve("1000", "Subscriptions").range(1, 100'000)},
    Row{"webhooks.brake_window", Type::kDuration, kNot,
        serve("1m",
              "The window of a subscription's rate caps; alerts beyond a cap are counted in a "
              "summary")},
    Row{"webhooks.brake_per_rule", Type::kInteger, kNot,
        serve("120", "Alerts of one rule in that window; 0: no limit").range(0, 1'000'000)},
    Row{"webhooks.brake_in_all", Type::kInteger, kNot,
        serve("600", "Alerts of all rules together in that window; 0: no limit")
            .range(0, 1'000'000)},
    Row{"webhooks.groups_max", Type::kInteger, kNot,
        serve("10000",
              "Open groups of one subscription; alerts of further groups are sent one by one")
            .range(1, 1'000'000)},
    Row{"webhooks.group_alerts_max", Type::kInteger, kNot,
        serve("100", "Alerts in the message of one group; the rest are counted").range(1, 10'000)},
    Row{"webhooks.group_bytes_max", Type::kBytes, kNot,
        serve("1MiB", "Size of the alerts in one group's message").range(kKiB, 64 * kMiB)},
    Row{"rollout.approvals", Type::kInteger, kNot,
        serve("0",
              "Others who must approve a change of what live rules do, before it is made; 0: none")
            .range(0, 10)},
    Row{"rollout.back_alone", Type::kBoolean, kNot,
        serve(
            "true",
            "An operator may hold live rules back, or roll back, without the approval of others")},
    Row{"rollout.shadow_min", Type::kDuration, kNot,
        serve("0", "How long a rule must have run in shadow before it becomes live; 0: not at all")
            .zero_is_none()},
    Row{"rollout.backtest_alerts_per_day", Type::kInteger, kNot,
        serve("0",
              "The most alerts on one day that a rule may have raised in a backtest before it "
              "becomes live, or is live and changes; 0: no backtest is needed")
            .range(0, 1'000'000'000)},
    Row{"rollout.backtest_span", Type::kDuration, kNot,
        serve("7d", "Event time that such a backtest must cover")},
    Row{"rollout.backtest_within", Type::kDuration, kNot,
        serve("7d", "How long such a backtest counts after its end")},
    Row{"rollout.approve_within", Type::kDuration, kNot,
        serve("7d", "How long a change waits for approval before it is forgotten")},
    Row{"rollout.changes_max", Type::kInteger, kNot,
        serve("100", "Changes that wait for approval at once").range(1, 10'000)},
    Row{"rollout.replay_memory_max", Type::kBytes, kNot,
        serve("1GiB",
              "Memory of what rules make of earlier events before they are deployed (`replay`): "
              "beyond it the deploy is refused")
            .range(kMiB, 1024 * kGiB)},
    Row{"rollout.replay_wait", Type::kDuration, kNot,
        serve("10m", "How long that is kept when nobody asks for the deploy any more")},
    Row{"four_eyes.silence_longer", Type::kDuration, kNot,
        serve("0",
              "A silence that lasts longer waits for the approval of another person; 0: none does")
            .zero_is_none()},
    Row{"four_eyes.silence_wide", Type::kBoolean, kNot,
        serve("false",
              "A silence that is not of one rule alone waits for the approval of another person")},
    Row{"four_eyes.list_removal", Type::kBoolean, kNot,
        serve("false",
              "Taking entries out of lists and tables waits for the approval of another person")},
    Row{"four_eyes.ignored_tests", Type::kBoolean, kNot,
        serve("false", "A deploy with ignore_tests waits for the approval of another person")},
    Row{"four_eyes.pii", Type::kBoolean, kNot,
        serve("false",
              "A subscription whose alerts go with personal data (pii) waits for the approval of "
              "another person")},
    Row{"four_eyes.body_bytes_max", Type::kBytes, kNot,
        serve("1MiB", "Size of the body of a request that waits for the approval of another person")
            .range(kKiB, 64 * kMiB)},
    Row{"silences.max", Type::kInteger, kNot,
        serve("1000", "Silences that have not ended").range(1, 100'000)},
    Row{"silences.ended_kept", Type::kDuration, kNot,
        serve("5d", "How long a silence is shown after its end")},
    Row{"retention.alerts_age", Type::kDuration,
        run("--keep-alerts-for", kKeeping, "",
            "Remove alerts from the folder that were stored longer ago; undelivered alerts stay "
            "(default: never)")
            .needs("data.path"),
        serve("0", "How long alerts are stored; 0: for ever").zero_is_none()},
    Row{"retention.alerts_bytes", Type::kBytes,
        run("--keep-alerts-size", kKeeping, "",
            "Remove the oldest alerts when all together exceed this; undelivered alerts stay "
            "(default: no limit)")
            .range(1)
            .needs("data.path"),
        serve("0", "Size of all stored alerts; 0: no limit").zero_is_none()},
    Row{"retention.aside_age", Type::kDuration,
        run("--keep-aside-for", kKeeping, "",
            "Remove late events and rejected lines that were stored longer ago (default: never)")
            .needs("data.path"),
        serve("0", "How long late events and dead letters are stored; 0: for ever").zero_is_none()},
    Row{"retention.aside_bytes", Type::kBytes,
        run("--keep-aside-size", kKeeping, "",
            "Remove the oldest late events, or the oldest rejected lines, when either exceed this "
            "(default: no limit)")
            .range(1)
            .needs("data.path"),
        serve("0", "Size of all late events, and of all dead letters; 0: no limit").zero_is_none()},
    Row{"retention.traces_max", Type::kInteger, kNot,
        serve("1000000",
              "Traces (traceparent) of events kept for alerts at later deadlines; the oldest are "
              "removed")
            .range(1000, 1'000'000'000)},
    Row{"idempotency.age_max", Type::kDuration, kNot,
        serve("24h", "How long answers to requests with an Idempotency-Key are stored")},
    Row{"idempotency.answers_max", Type::kInteger, kNot,
        serve("100000", "Number of stored answers; the oldest are removed")
            .range(1000, 10'000'000)},
    Row{"idempotency.bytes_max", Type::kBytes, kNot,
        serve("64MiB", "Size of all stored answers; the oldest are removed")
            .range(kMiB, 64 * kGiB)},
    Row{"secrets.key_file", Type::kText, kNot,
        serve("",
              "The file with the keys that encrypt webhook secrets and sign the audit log "
              "(default: TOCSIN_SECRETS_KEY, or the credential tocsin-secrets-key of systemd)")
            .value("FILE")},
    Row{"audit.age_max", Type::kDuration, kNot,
        serve("0", "How long entries of the audit log are stored; 0: for ever").zero_is_none()},
    Row{"audit.bytes_max", Type::kBytes, kNot,
        serve("1GiB", "Size of all audit entries; the oldest are removed; 0: no limit")
            .zero_is_none()},
    Row{"audit.check_every", Type::kDuration, kNot,
        serve("1d",
              "How often the server goes through its audit log, first at the start; 0: never. GET "
              "/v1/health has what it finds")
            .zero_is_none()},
    Row{"audit.refusals_every", Type::kDuration, kNot,
        serve(
            "10m",
            "How often refused requests of one sender become an entry of the audit log, with their "
            "number; the first one is logged at once")
            .range(1'000'000, 86'400'000'000)},
    Row{"audit.refusal_senders_max", Type::kInteger, kNot,
        serve("100", "Senders of refused requests that have entries of their own; others share one")
            .range(1, 100'000)},
    Row{"audit.syslog", Type::kText, kNot,
        serve("",
              "Where each entry is also sent, as a message of syslog (RFC 5424): unix:/dev/log or "
              "udp:HOST:PORT; empty: nowhere")
            .value("ADDRESS")},
    Row{"output.alerts", Type::kText,
        run("--alerts", kOutput, "-",
            "Where alerts are written, - is standard output; the file is replaced, or with --data "
            "continued")
            .value("FILE"),
        kNot},
    Row{"output.late", Type::kText,
        run("--late", kOutput, "", "Write late events there; the file is replaced").value("FILE"),
        kNot},
    Row{"output.dead_letter", Type::kText,
        run("--dead-letter", kOutput, "",
            "Write rejected lines there, with the reason; the file is replaced")
            .value("FILE"),
        kNot},
    Row{"delivery.webhook", Type::kText,
        run("--webhook", kDelivery, "",
            "Also deliver each alert there by HTTP POST, signed (standardwebhooks.com)")
            .value("URL"),
        kNot},
    Row{"delivery.secret_file", Type::kText,
        run("--secret-file", kDelivery, "",
            "The file with the secret that signs deliveries, `whsec_…`; required with --webhook")
            .value("FILE")
            .needs("delivery.webhook"),
        kNot},
    Row{"delivery.undelivered", Type::kText,
        run("--undelivered", kDelivery, "tocsin-undelivered.ndjson",
            "Where undelivered alerts are appended; created only if there are any")
            .value("FILE")
            .needs("delivery.webhook"),
        kNot},
    Row{"delivery.timeout", Type::kDuration,
        run("--delivery-timeout", kDelivery, "30s",
            "How long to continue delivering after the inputs have ended")
            .needs("delivery.webhook"),
        kNot},
});

std::vector<Setting> settings_of(std::optional<Offer> Row::*command) {
  std::vector<Setting> settings;
  for (const Row& row : kRows) {
    if (!(row.*command)) continue;
    Setting setting = (row.*command)->of;
    setting.name = row.name;
    setting.type = row.type;
    setting.words = row.words;
    setting.kept = row.kept;
    settings.push_back(setting);
  }
  return settings;
}
}  // namespace

std::span<const Setting> run_settings() {
  static const std::vector<Setting> kSettings = settings_of(&Row::run);
  return kSettings;
}
std::span<const Setting> serve_settings() {
  static const std::vector<Setting> kSettings = settings_of(&Row::serve);
  return kSettings;
}
}  // namespace tocsin::api
