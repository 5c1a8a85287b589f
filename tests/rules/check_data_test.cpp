// Functions, text search, tables, lists, their files, computed fields: what the checker says and
// what it makes of them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr const char* kData = R"(
list scams : text = ["gift card", "anydesk"]
list links : regex = [/bit\.ly/i, /https?:/]
list cards : string = ["c1", "c2"]
list codes : int = [5411, 5412]
table merchants key merchant { mcc: int, risk: float, aliases: list of string } = {
  "m1": { mcc: 5411, risk: 0.5, aliases: ["one", "eins"] },
  "m2": { mcc: 6011 },
}
table limits key country, mcc { cap: decimal(2), mcc: int } = { ("SE", 5411): { cap: 100 } }
const GIFT = /gift ?card/i
)";

std::string text_with(const std::string& condition) {
  return fmt::format("rule r \"r\" {{ by card when payment as p where\n{} alert \"x\" }}{}",
                     condition, kData);
}

// "" or codes and places, without the lists that a condition leaves unused.
std::string said_of(const std::string& condition) {
  std::string places = places_of(load_rules(text_with(condition)));
  const std::size_t unused = places.find("unused_list");
  if (unused != std::string::npos) places.erase(unused == 0 ? 0 : unused - 2);
  return places;
}

std::string lowered(const std::string& condition) {
  const rules::Loaded loaded = load_rules(text_with(condition));
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const cep::Plan& plan = *loaded.rules->plan;
  const cep::ExprPtr& where = plan.rules.front().pattern.front().where();
  REQUIRE(where);
  return cep::describe(plan, *where);
}

TEST_CASE("check: functions, text and tables") {
  struct Row {
    const char* condition;
    const char* places;
  };
  static const Row kRows[] = {
      {"abs(amount - 5) > 5", ""},
      {"round(amount) = 5 and round(amount, 1) = 5.5 and floor(rate) < ceil(rate)", ""},
      {"sqrt(amount) > 5 and pow(amount, 2) > ln(rate) + exp(risk)", ""},
      {"min(amount, rate, 5) > max(count_of_items, 3)", ""},
      {"lower(card) = \"c1\" and length(normalize(country)) = 2", ""},
      {"substring(card, 1, 6) = \"4000-0\" and upper(channel) = \"ECOM\"", ""},
      {"hour(ts, \"Europe/Berlin\") < 6 or weekday(ts, country) > 5", ""},
      {"date(ts, \"UTC\") - born > 30d", ""},
      {"distance_km(risk, risk, 59.3, 18) > 100", ""},
      {"ip_in(card, \"10.0.0.0/8\") and ip_in(card, [\"10.0.0.0/8\", \"::1\"])", ""},
      {"similarity(card, account) > 0.9", ""},
      {"card starts with \"4\" and card ends with account", ""},
      {"card matches /x/i and card matches GIFT", ""},
      {"card contains any of scams or card contains any word of cards", ""},
      {"card contains any of [\"a\", country] or card contains any of HOME", ""},
      {"card matches any of links or card matches any of [/a/, /b/i]", ""},
      {"matched(card, scams) = \"anydesk\" and matched(card, links) is known", ""},
      {"merchants[merchant].risk > 0.5 and limits[country, count_of_items].cap < amount", ""},
      {"card in merchants[merchant].aliases and card not in merchants[merchant].aliases", ""},
      {"amount % 100 = 0 and amount % 0.5 = 0", ""},
      {"declined or amount > (if declined then 1 else 2.5)", ""},
      // what is wrong
      {"abs(card) > 5", "E0315 2:5"},
      {"sqrt(card, 2) > 5", "E0311 2:1"},
      {"round(amount, 10) > 5", "E0315 2:15"},
      {"round(amount, count_of_items) > 5", "E0315 2:15"},
      {"round(rate, 9) * amount * 1.5 > 5", "E0303 2:16"},
      {"min(amount, card) > 5", "E0307 2:1"},
      {"max(declined, declined)", "E0315 2:1"},
      {"length(amount) > 5", "E0315 2:8"},
      {"substring(card, amount) = \"x\"", "E0315 2:17"},
      {"hour(ts) > 5", "E0311 2:1"},
      {"hour(card, \"UTC\") > 5", "E0315 2:6"},
      {"hour(ts, \"Europe/Paradise\") > 5", "E0223 2:10"},
      {"hour(ts, amount) > 5", "E0315 2:10"},
      {"ip_in(card, \"10.0.0\")", "E0317 2:13"},
      {"amount contains \"5\"", "E0315 2:8"},
      {"card contains 5", "E0315 2:15"},
      {"card contains /x/", "E0315 2:15"},
      {"card matches \"x\"", "E0315 2:14"},
      {"card matches /x(?=y)/", "E0316 2:16"},
      {"card = /x/", "E0315 2:8"},
      {"card contains any of links", "E0310 2:22"},
      {"card matches any of scams", "E0310 2:21"},
      {"card contains any of codes", "E0310 2:22"},
      {"card contains any of scam", "E0207 2:22"},
      {"card contains any of \"x\"", "E0310 2:22"},
      {"card matches any of [\"x\"]", "E0315 2:22"},
      {"card in scams", "E0310 2:6"},
      {"matched(card, codes) = \"x\"", "E0310 2:15"},
      {"matched(card) = \"x\"", "E0311 2:1"},
      {"merchant[merchant].risk > 5", "E0225 2:1"},
      {"merchants[merchant].risks > 5", "E0226 2:21"},
      {"merchants[merchant, card].risk > 5", "E0311 2:1"},
      {"merchants[amount].risk > 5", "E0304 2:11"},
      {"limits[country, card].cap > 5", "E0304 2:17"},
      {"merchants[merchant].aliases = card", "E0310 2:1"},
      {"card in merchants[merchant].mcc", "E0310 2:9"},
      {"amount in merchants[merchant].aliases", "E0304 2:8"},
      {"merchants = card", "E0310 2:1"},
      {"merchants[merchant] = card", "E0310 2:1"},
      {"since(p) > 5m and since(q) > 5m", "E0204 2:25"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.condition);
    CHECK(said_of(row.condition) == row.places);
  }
}

TEST_CASE("lower: functions, text and tables") {
  struct Row {
    const char* condition;
    const char* plan;
  };
  static const Row kRows[] = {
      {"abs(amount) > 5",
       "greater(call[abs](field[amount payment.amount]:decimal(2)):decimal(2), 5:int):bool"},
      {"min(count_of_items, 2.5) > 1",
       "greater(call[min](add(field[count_of_items payment.count_of_items]:int, "
       "0.0:decimal(1)):decimal(1), 2.5:decimal(1)):decimal(1), 1:int):bool"},
      {"country matches /a|b/i", "matches[\"a|b\" i](field[country payment.country]:string):bool"},
      {"country contains any of scams",
       "contains_any_of[scams](field[country payment.country]:string):bool"},
      {"country contains any of [\"a\", \"b\"]",
       "or(contains(field[country payment.country]:string, \"a\":string):bool, "
       "contains(field[country payment.country]:string, \"b\":string):bool):bool"},
      {"merchants[merchant].mcc = 5411",
       "equal(table[merchants.mcc](field[merchant payment.merchant]:string):int, 5411:int):bool"},
      {"card in merchants[merchant].aliases",
       "in_table[merchants.aliases](field[card payment.card]:string, field[merchant "
       "payment.merchant]:string):bool"},
      {"since(p) < 5m",
       "less(subtract(field[ts payment.ts]:time, field[ts payment.ts]:time):duration, "
       "5m:duration):bool"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.condition);
    CHECK(lowered(row.condition) == row.plan);
  }
}

TEST_CASE("lower: the zones that rules name come with their rules; all where a field names one") {
  const rules::Loaded one = load_rules(text_with("hour(ts, \"Europe/Berlin\") < 6"));
  REQUIRE_MESSAGE(one.rules.has_value(), rendered(one));
  REQUIRE(one.rules->plan->zones.size() == 1);
  CHECK(one.rules->plan->zones.front().name == "Europe/Berlin");
  const rules::Loaded all = load_rules(text_with("hour(ts, country) < 6"));
  REQUIRE_MESSAGE(all.rules.has_value(), rendered(all));
  CHECK(all.rules->plan->zones.size() > 300);
}

rules::Loaded load_data(const std::string& rules_text, const RuleFiles& data,
                        const rules::LoadOptions& options = {}) {
  RuleFiles files = data;
  files["packs/rules.tocsin"] =
      "event e { ts: time, id: string id, card: string, n: int }\n" + rules_text;
  return rules::load(
      {"packs/rules.tocsin"},
      [files](const std::string& path) -> Result<std::string> {
        const auto found = files.find(path);
        if (found == files.end()) return fail(Errc::kNotFound, "no such file");
        return found->second;
      },
      options);
}

TEST_CASE("lists from files: one value a line, comments and quotes") {
  const rules::Loaded loaded = load_data(
      "list a : string from \"a.txt\"\nlist b : decimal(2) from \"../b.txt\"\n"
      "list c : text from \"a.txt\"\nlist d : regex from \"d.txt\"\n"
      "kind k = e where card in a and n in b and card contains any of c and card matches any of d\n"
      "rule r \"r\" { by card when k alert \"x\" }",
      {{"packs/a.txt", "\xEF\xBB\xBF# cards\r\nc1\r\n\r\n  c 2  \r\n\"# c3\\u00e9\"\r\n"},
       {"b.txt", "1\n2.50"},
       {"packs/d.txt", "/bit\\.ly/i\nhttps?:\n"}});
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const std::string text = cep::describe(*loaded.rules->plan);
  CHECK(text.find("list a: string = \"c1\" \"c 2\" \"# c3é\"") != std::string::npos);
  CHECK(text.find("list b: decimal(2) = 1.00 2.50") != std::string::npos);
  CHECK(loaded.rules->data_files ==
        std::vector<std::string>{"packs/a.txt", "b.txt", "packs/d.txt"});
  const cep::List& regexes = loaded.rules->plan->lists[3];
  REQUIRE(regexes.values.size() == 2);
  CHECK(regexes.values[0].view().text == "bit\\.ly");
  CHECK(regexes.ignore_case == std::vector<bool>{true, false});
}

TEST_CASE("tables from files: RFC 4180, columns by name, missing cells") {
  const rules::Loaded loaded = load_data(
      "table t key card, n { n: int, note: string, cap: decimal(2), seen: date?, names: list of "
      "string, hot: bool } from \"t.csv\"\n"
      "kind k = e where t[card, n].cap > 1\nrule r \"r\" { by card when k alert \"x\" }",
      {{"packs/t.csv",
        "card,more,n,cap,note,hot,names,seen\r\n"
        "c1,x,1,2.5,\"a \"\"b\"\",\nc\",TRUE,one|two,2026-01-31\r\n"
        "\r\n"
        "c1,,2,,\"\",,,\n"}});
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const cep::Table& table = loaded.rules->plan->tables.front();
  REQUIRE(table.rows.size() == 2);
  const auto cell = [&](std::size_t row, std::size_t column) {
    return cep::to_text(table.rows[row].values[column].view());
  };
  CHECK(cell(0, 0) == "1");
  CHECK(cell(0, 1) == "a \"b\",\nc");
  CHECK(cell(0, 2) == "2.50");
  CHECK(cell(0, 3) == "2026-01-31");
  CHECK(table.rows[0].lists[4] == std::vector<std::string>{"one", "two"});
  CHECK(cell(0, 5) == "true");
  CHECK(cell(1, 1).empty());
  CHECK(cell(1, 2) == "missing");
  CHECK(cell(1, 5) == "missing");
  CHECK(table.rows[1].lists[4].empty());
}

TEST_CASE("data files: what is wrong is said at its line, the first few in full") {
  std::string rows = "card,cap\n";
  for (int i = 0; i < 15; ++i) rows += fmt::format("c{},x\n", i);
  const rules::Loaded loaded = load_data(
      "table t key card { cap: decimal(2) } from \"t.csv\"\n"
      "rule r \"r\" { by card when e where t[card].cap > 1 alert \"x\" }",
      {{"packs/t.csv", rows}});
  CHECK(!loaded.rules.has_value());
  CHECK(loaded.diagnostics.size() == 10);
  const std::string said = rendered(loaded);
  CHECK(said.find("packs/t.csv:2:4") != std::string::npos);
  CHECK(said.find("and 5 more mistakes in this file") != std::string::npos);
  struct Row {
    const char* text;
    const char* code;
  };
  static const Row kRows[] = {
      {"", "E0128"},
      {"card\n", "E0226"},
      {"card,cap,card\n", "E0215"},
      {"card,cap\nc1,1,2\n", "E0128"},
      {"card,cap\n\"c1,1\n", "E0128"},
      {"card,cap\n\"c1\"x,1\n", "E0128"},
      {"card,cap\nc\"1,1\n", "E0128"},
      {"card,cap\n,1\n", "E0309"},
      {"card,cap\nc1,1.005\n", "E0309"},
      {"card,cap\nc1,1\nc1,2\n", "E0227"},
      {"card,cap\nc\xFF,1\n", "E0102"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const rules::Loaded wrong = load_data(
        "table t key card { cap: decimal(2) } from \"t.csv\"\n"
        "rule r \"r\" { by card when e where t[card].cap > 1 alert \"x\" }",
        {{"packs/t.csv", row.text}});
    REQUIRE(wrong.diagnostics.size() == 1);
    CHECK(rules::code_name(wrong.diagnostics.front().code) == row.code);
    CHECK(wrong.sources.path(wrong.diagnostics.front().primary.span.file) == "packs/t.csv");
  }
}

TEST_CASE("limits: each has its diagnostic") {
  rules::LoadOptions options;
  options.limits.data_file_bytes_max = 100;
  options.limits.list_values_max = 3;
  options.limits.searched_values_max = 2;
  options.limits.regexes_max = 1;
  options.limits.table_cells_max = 4;
  options.limits.regex.bytes_max = 20;
  options.limits.regex.positions_max = 15;
  struct Row {
    std::string text;
    const char* code;
  };
  const std::string rule = "rule r \"r\" { by card when e where card ";
  const Row rows[] = {
      {"list a : string = [\"1\", \"2\", \"3\"]\n" + rule + "in a alert \"x\" }", ""},
      {"list a : string = [\"1\", \"2\", \"3\", \"4\"]\n" + rule + "in a alert \"x\" }", "E0504"},
      {"list a : text = [\"1\", \"2\", \"3\"]\n" + rule + "contains any of a alert \"x\" }",
       "E0504"},
      {"list a : regex = [/1/, /2/]\n" + rule + "matches any of a alert \"x\" }", "E0508"},
      {"table a key k { n: int } = { \"1\": { n: 1 }, \"2\": { n: 2 } }\n" + rule +
           "= \"x\" and a[card].n = 1 alert \"x\" }",
       ""},
      {"table a key k { n: int } = { \"1\": { n: 1 }, \"2\": { n: 2 }, \"3\": { n: 2 } }\n" + rule +
           "= \"x\" and a[card].n = 1 alert \"x\" }",
       "E0505"},
      {"table a key k { n: int } from \"large.csv\"\n" + rule +
           "= \"x\" and a[card].n = 1 alert \"x\" }",
       "E0510"},
      {"table a key k { n: int } from \"three.csv\"\n" + rule +
           "= \"x\" and a[card].n = 1 alert \"x\" }",
       "E0505"},
      {rule + "matches /aaaaaaaaaaaaaaaaaaaaa/ alert \"x\" }", "E0506"},
      {rule + "matches /a{16}/ alert \"x\" }", "E0507"},
      {rule + "matches /a{15}/ alert \"x\" }", ""},
  };
  const RuleFiles data = {{"packs/large.csv", "k,n\n" + std::string(100, '\n')},
                          {"packs/three.csv", "k,n\n1,1\n2,2\n3,3\n"}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const rules::Loaded loaded = load_data(row.text, data, options);
    std::string codes;
    for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
      codes += rules::code_name(diagnostic.code);
    }
    CHECK(codes == row.code);
  }
}

TEST_CASE("zones: a machine without them is told so, once") {
  rules::LoadOptions options;
  options.read_zone = [](const std::string&) -> Result<std::string> {
    return fail(Errc::kNotFound, "cannot read /nowhere");
  };
  const rules::Loaded loaded = load_data(
      "rule r \"r\" { by card when e where hour(ts, \"Europe/Berlin\") < 6 and hour(ts, card) < 6 "
      "alert \"x\" }",
      {}, options);
  REQUIRE(loaded.diagnostics.size() == 1);
  CHECK(rules::code_name(loaded.diagnostics.front().code) == "E0224");
}

TEST_CASE("computed fields: from the event, lists and tables, those above included") {
  const rules::Loaded loaded = load_data(
      "table owners key account { owner: string } = { \"a\": { owner: \"o\" } }\n"
      "event p { ts: time, account: string, amount: decimal(2), rate: decimal(4),\n"
      "  owner: string? = owners[account].owner,\n"
      "  mine: bool = owner = account,\n"
      "  share: decimal(9) = amount / 3,\n"
      "  wide: decimal(4) = amount,\n"
      "  level: enum(low, high) = if amount > 5 then high else low,\n"
      "}\nrule r \"r\" { by account when p where mine alert \"x\" }",
      {});
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const cep::EventType& type = loaded.rules->plan->event_types[1];
  const auto computed = [&](std::size_t field) {
    return cep::describe(*loaded.rules->plan, *type.fields[field].computed);
  };
  CHECK(type.fields[4].path.empty());
  CHECK(computed(4) == "table[owners.owner](field[account p.account]:string):string");
  CHECK(computed(6) ==
        "call[round](divide(field[amount p.amount]:decimal(2), 3:int):fraction, 9:int):decimal(9)");
  CHECK(computed(7) == "add(field[amount p.amount]:decimal(2), 0.0000:decimal(4)):decimal(4)");
  struct Row {
    const char* field;
    const char* code;
  };
  static const Row kRows[] = {
      {"a: int = a", "E0228"},
      {"a: int = b, b: int = 1", "E0228"},
      {"a: decimal(2) = amount / 3", "E0309"},
      {"a: decimal(1) = amount", "E0309"},
      {"a: string = amount", "E0309"},
      {"a: int from \"x\" = 5", "E0217"},
      {"a: string id = \"x\"", "E0217"},
      {"a: int = count(e) over last 1h", "E0229"},
      {"a: int = unknown", "E0201"},
      {"a: string unique", "E0217"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.field);
    const rules::Loaded wrong =
        load_data(fmt::format("event p {{ ts: time, amount: decimal(2), {} }}", row.field), {});
    REQUIRE(!wrong.diagnostics.empty());
    CHECK(rules::code_name(wrong.diagnostics.front().code) == row.code);
    CHECK(wrong.diagnostics.size() == 1);
  }
}
}  // namespace
}  // namespace tocsin::tests
