#include "tests/support/random_data.h"

#include <memory>
#include <string>

#include "cep/plan/reference.h"
#include "cep/plan/zone.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random_expr.h"
#include "tests/support/random_feature.h"

namespace tocsin::tests {
using cep::Expr;
using cep::ExprPtr;
using cep::Function;
using cep::Op;
using cep::OwnedValue;
using cep::TypeKind;
using cep::Value;

namespace {
OwnedValue text_value(const char* text) { return OwnedValue(Value::string(text)); }
ExprPtr text(const char* text) { return literal(type_of(TypeKind::kString), Value::string(text)); }

class Maker {
 public:
  Maker(Random& random, const cep::Plan& plan, const std::vector<cep::EventTypeIndex>& types)
      : random_(random), plan_(plan), types_(types) {}

  ExprPtr condition() {
    switch (random_.below(19)) {
      case 10:
        return in_networks();
      case 11:
        return of_network();
      case 12:
        return of_day();
      case 0:
      case 1:
      case 2:
        return search();
      case 3:
        return with_matched();
      case 4:
        return of_table();
      case 5:
        return in_table();
      case 6:
        return of_time();
      case 7:
      case 13:
      case 14:
        return of_text();
      default:
        return of_number();
    }
  }

 private:
  ExprPtr field(const char* name) {
    const auto found = find_field(plan_, types_, name);
    if (!found) return nullptr;
    auto expr = std::make_shared<Expr>();
    expr->op = Op::kField;
    expr->payload = cep::FieldRead{found->first};
    expr->type = found->second;
    return expr;
  }
  ExprPtr some_text() { return field(random_.pick({"note", "note", "device", "card"})); }
  ExprPtr some_number() {
    return field(random_.pick({"amount", "n", "rate", "twice", "tripled", "eightfold"}));
  }
  static ExprPtr real(const ExprPtr& e) {
    return operation(Op::kToFloat, type_of(TypeKind::kFloat), {e});
  }
  static ExprPtr call(Function function, const cep::Type& type, std::vector<ExprPtr> args) {
    auto expr = std::make_shared<Expr>();
    expr->op = Op::kCall;
    expr->payload = cep::FunctionCall{function, {}};
    expr->type = type;
    expr->args = std::move(args);
    return expr;
  }
  cep::ListIndex list(cep::ListKind kind) {
    std::vector<cep::ListIndex> fitting;
    for (std::size_t i = 0; i < plan_.lists.size(); ++i) {
      if (plan_.lists[i].kind == kind) fitting.push_back(cep::ListIndex(i));
    }
    return fitting.empty() ? cep::ListIndex(0) : random_.pick(fitting);
  }

  ExprPtr search() {
    const ExprPtr operand = some_text();
    if (!operand) return nullptr;
    auto expr = std::make_shared<Expr>();
    expr->type = type_of(TypeKind::kBool);
    expr->args = {operand};
    expr->op =
        random_.pick({Op::kMatches, Op::kMatchesAnyOf, Op::kContains, Op::kContainsWord,
                      Op::kContainsAnyOf, Op::kContainsAnyWordOf, Op::kStartsWith, Op::kEndsWith});
    switch (expr->op) {
      case Op::kMatches:
        // Braces: the text is drawn first.
        expr->payload = cep::RegexLiteral{
            random_.pick({"card", "^gift", "[0-9]+$", "any ?desk", "d(1|2)"}), random_.chance(30)};
        break;
      case Op::kMatchesAnyOf:
        expr->payload = cep::ListLookup{list(cep::ListKind::kRegex)};
        break;
      case Op::kContainsAnyOf:
      case Op::kContainsAnyWordOf:
        expr->payload = cep::ListLookup{list(cep::ListKind::kText)};
        break;
      default:
        expr->args.push_back(text(random_.pick({"card", "gift", "d1", "c", "safe"})));
        break;
    }
    if (random_.chance(20)) return tests::condition(Op::kNot, {expr});
    return expr;
  }
  ExprPtr with_matched() {
    const ExprPtr operand = some_text();
    if (!operand) return nullptr;
    auto expr = std::make_shared<Expr>();
    expr->op = Op::kMatched;
    expr->type = type_of(TypeKind::kString);
    expr->args = {operand};
    expr->payload =
        cep::ListLookup{list(random_.chance(50) ? cep::ListKind::kText : cep::ListKind::kRegex)};
    return random_.chance(30)
               ? tests::condition(Op::kIsKnown, {expr})
               : tests::condition(Op::kEqual,
                                  {expr, text(random_.pick({"gift card", "[0-9]+", "safe"}))});
  }
  ExprPtr of_table() {
    const ExprPtr key = field(random_.pick({"card", "device"}));
    if (!key) return nullptr;
    auto expr = std::make_shared<Expr>();
    expr->op = Op::kTable;
    expr->args = {key};
    const std::uint32_t column = random_.chance(60) ? 0 : 1;
    expr->payload = cep::ColumnRead{cep::TableIndex(), column};
    expr->type = plan_.tables[0].columns[column].type;
    return random_comparison(random_, expr);
  }
  ExprPtr in_networks() {
    const ExprPtr operand = some_text();
    if (!operand) return nullptr;
    auto expr = std::make_shared<Expr>();
    expr->op = Op::kIn;
    expr->type = type_of(TypeKind::kBool);
    expr->args = {operand};
    const cep::ListIndex networks = list(cep::ListKind::kNetwork);
    if (plan_.lists[networks.value].kind != cep::ListKind::kNetwork) return nullptr;
    expr->payload = cep::ListLookup{networks};
    if (random_.chance(30)) return tests::condition(Op::kNot, {expr});
    return expr;
  }
  // A cell of the table of this name, by these key parts.
  ExprPtr cell_of(const char* name, std::vector<ExprPtr> key) {
    for (std::size_t i = 0; i < plan_.tables.size(); ++i) {
      const cep::Table& table = plan_.tables[i];
      if (table.name != name) continue;
      auto expr = std::make_shared<Expr>();
      expr->op = Op::kTable;
      expr->payload = cep::ColumnRead{cep::TableIndex(i), 0};
      expr->args = std::move(key);
      expr->type = table.columns[0].type;
      return expr;
    }
    return nullptr;
  }
  ExprPtr of_network() {
    const ExprPtr address = field("note");
    if (!address) return nullptr;
    const ExprPtr cell = cell_of("places", {text(random_.pick({"a", "b"})), address});
    if (!cell) return nullptr;
    return random_.chance(30) ? tests::condition(Op::kIsKnown, {cell})
                              : random_comparison(random_, cell);
  }
  ExprPtr of_day() {
    const ExprPtr ts = field("ts");
    if (!ts) return nullptr;
    const ExprPtr day = call(Function::kDate, type_of(TypeKind::kDate),
                             {ts, text(random_.pick({"Asia/Tokyo", "UTC"}))});
    if (random_.chance(50)) {
      const ExprPtr cell = cell_of("days", {day});
      return cell ? random_comparison(random_, cell) : nullptr;
    }
    for (std::size_t i = 0; i < plan_.lists.size(); ++i) {
      if (plan_.lists[i].element.kind != TypeKind::kDate) continue;
      auto expr = std::make_shared<Expr>();
      expr->op = Op::kIn;
      expr->type = type_of(TypeKind::kBool);
      expr->args = {day};
      expr->payload = cep::ListLookup{cep::ListIndex(i)};
      return expr;
    }
    return nullptr;
  }
  ExprPtr in_table() {
    const ExprPtr key = field(random_.pick({"card", "device"}));
    const ExprPtr wanted = field("device");
    if (!key || !wanted) return nullptr;
    auto expr = std::make_shared<Expr>();
    expr->op = Op::kInTable;
    expr->args = {wanted, key};
    expr->payload = cep::ColumnRead{cep::TableIndex(), 2};
    expr->type = type_of(TypeKind::kBool);
    return expr;
  }
  ExprPtr of_time() {
    const ExprPtr ts = field("ts");
    if (!ts) return nullptr;
    ExprPtr zone = random_.chance(20) ? field("note") : nullptr;
    if (!zone) zone = text(random_.pick({"Asia/Tokyo", "Europe/Berlin", "UTC"}));
    if (random_.chance(40)) {
      return tests::condition(Op::kEqual,
                              {call(Function::kDate, type_of(TypeKind::kDate), {ts, zone}),
                               literal(type_of(TypeKind::kDate), Value::date(20514))});
    }
    const bool hour = random_.chance(50);
    return tests::condition(
        Op::kGreaterEqual,
        {call(hour ? Function::kHour : Function::kWeekday, type_of(TypeKind::kInt), {ts, zone}),
         int_literal(hour ? random_.pick({12, 13, 14, 21}) : 1)});
  }
  ExprPtr of_text() {
    const ExprPtr operand = some_text();
    if (!operand) return nullptr;
    const cep::Type string = type_of(TypeKind::kString);
    switch (random_.below(8)) {
      case 5:
      case 6:
      case 7: {
        const ExprPtr made = made_text(operand);
        if (random_.chance(25)) return tests::condition(Op::kIsKnown, {made});
        return tests::condition(random_.pick({Op::kEqual, Op::kNotEqual}),
                                {made, text(random_.pick({"card", "d", "1", "gift", "d1", "c1"}))});
      }
      case 0:
        return tests::condition(Op::kGreater,
                                {call(Function::kLength, type_of(TypeKind::kInt), {operand}),
                                 int_literal(random_.pick({2, 4, 8}))});
      case 1: {
        const ExprPtr piece =
            call(Function::kSubstring, string, {operand, int_literal(2), int_literal(3)});
        return tests::condition(Op::kNotEqual, {piece, text("afe")});
      }
      case 2: {
        const Function fold =
            random_.pick({Function::kLower, Function::kUpper, Function::kNormalize});
        return tests::condition(Op::kEqual, {call(fold, string, {operand}),
                                             text(random_.pick({"cafe", "D1", "gift card"}))});
      }
      case 3:
        return tests::condition(
            Op::kGreater,
            {call(Function::kSimilarity, type_of(TypeKind::kFloat), {operand, text("gift cards")}),
             literal(type_of(TypeKind::kFloat), Value::floating(0.6))});
      default:
        return call(Function::kIpIn, type_of(TypeKind::kBool),
                    {operand, text(random_.pick({"10.0.0.0/8", "2001:db8::/32"}))});
    }
  }
  // A text of a text.
  ExprPtr made_text(const ExprPtr& operand) {
    const cep::Type string = type_of(TypeKind::kString);
    switch (random_.below(3)) {
      case 0: {
        const ExprPtr other = random_.chance(50) ? some_text() : nullptr;
        return call(Function::kConcat, string,
                    {operand, other ? other : text(random_.pick({"", "1"}))});
      }
      case 1:
        return call(
            Function::kSplit, string,
            {operand, text(random_.pick({" ", "a", "1"})), int_literal(random_.pick({1, 2, 3}))});
      default: {
        struct Pattern {
          const char* text;
          int groups;
        };
        const auto pattern = random_.pick<Pattern>({{"([a-z]+) ?(card)?", 2},
                                                    {"^(c|d)([0-9])?$", 2},
                                                    {"([0-9]+)$", 1},
                                                    {"(?:any|gift) (d.sk|c.rd)", 1},
                                                    {"a.?", 0}});
        auto expr = std::make_shared<Expr>(
            *call(Function::kCapture, string,
                  {operand, int_literal(static_cast<int>(random_.below(pattern.groups + 1)))}));
        expr->payload = cep::FunctionCall{Function::kCapture,
                                          cep::RegexLiteral{pattern.text, random_.chance(30)}};
        return expr;
      }
    }
  }
  ExprPtr of_number() {
    const ExprPtr operand = some_number();
    if (!operand) return nullptr;
    const cep::Type real_type = type_of(TypeKind::kFloat);
    switch (random_.below(7)) {
      case 0:
        return random_comparison(random_, call(Function::kAbs, operand->type, {operand}));
      case 1:
        return random_comparison(
            random_, call(random_.pick({Function::kRound, Function::kFloor, Function::kCeil}),
                          type_of(TypeKind::kInt), {operand}));
      case 2:
        // Rounded to a digit, a whole number stays one.
        return random_comparison(
            random_, call(Function::kRound,
                          operand->type.kind == TypeKind::kInt ? operand->type : decimal_of(1),
                          {operand, int_literal(1)}));
      case 3:
        return random_comparison(
            random_, call(random_.pick({Function::kSqrt, Function::kLn, Function::kExp}), real_type,
                          {real(operand)}));
      case 4:
        return random_comparison(random_,
                                 call(Function::kPow, real_type,
                                      {real(operand), literal(real_type, Value::floating(2.0))}));
      case 5: {
        const ExprPtr other = some_number();
        if (!other) return nullptr;
        return tests::condition(
            Op::kLess, {call(Function::kDistanceKm, real_type,
                             {real(operand), real(other), real(int_literal(1)), real(operand)}),
                        literal(real_type, Value::floating(random_.pick({50.0, 150.0, 400.0})))});
      }
      default:
        return random_comparison(random_, call(random_.pick({Function::kMin, Function::kMax}),
                                               operand->type, {operand, operand}));
    }
  }

  Random& random_;
  const cep::Plan& plan_;
  const std::vector<cep::EventTypeIndex>& types_;
};
}  // namespace

namespace {
// Lists and tables by day and by network, with networks in networks.
void add_dated_and_networked(cep::Plan& plan) {
  const cep::Type string = type_of(TypeKind::kString);
  const cep::Type date = type_of(TypeKind::kDate);
  plan.lists.push_back({"nets",
                        string,
                        {text_value("10.1.0.0/16"), text_value("192.0.2.7"),
                         text_value("2001:db8::/32"), text_value("10.1.2.0/24")},
                        cep::ListKind::kNetwork,
                        {}});
  plan.lists.push_back({"holidays",
                        date,
                        {OwnedValue(Value::date(20514)), OwnedValue(Value::date(20516))},
                        cep::ListKind::kValues,
                        {}});
  cep::Table places;
  places.name = "places";
  places.key_names = {"side", "net"};
  places.key_types = {string, string};
  places.network_key = 1;
  places.columns = {{"level", type_of(TypeKind::kInt), false}, {"net", string, false}};
  const auto place = [&](const char* side, const char* net, std::int64_t level) {
    cep::TableRow row;
    row.key = {text_value(side), text_value(net)};
    row.values = {OwnedValue(Value::integer(level)), text_value(net)};
    row.lists.resize(2);
    places.rows.push_back(std::move(row));
  };
  place("a", "0.0.0.0/0", 1);
  place("a", "10.0.0.0/8", 2);
  place("a", "10.1.2.3", 3);
  place("b", "::/0", 4);
  place("b", "10.1.2.0/25", 5);
  plan.tables.push_back(std::move(places));
  cep::Table days;
  days.name = "days";
  days.key_names = {"day"};
  days.key_types = {date};
  days.columns = {{"level", type_of(TypeKind::kInt), false}};
  for (const std::int64_t day : {20513, 20514}) {
    cep::TableRow row;
    row.key = {OwnedValue(Value::date(day))};
    row.values = {OwnedValue(Value::integer(day - 20511))};
    row.lists.resize(1);
    days.rows.push_back(std::move(row));
  }
  plan.tables.push_back(std::move(days));
}
}  // namespace

void add_data(cep::Plan& plan) {
  const cep::Type string = type_of(TypeKind::kString);
  plan.zones = random_zones();
  plan.lists.push_back({"phrases",
                        string,
                        {text_value("gift card"), text_value("safe"), text_value("desk")},
                        cep::ListKind::kText,
                        {}});
  plan.lists.push_back({"patterns",
                        string,
                        {text_value("[0-9]+"), text_value("card"), text_value("^caf")},
                        cep::ListKind::kRegex,
                        {false, true, false}});
  plan.lists.push_back({"folded",
                        string,
                        {text_value("GIFT Card"), text_value("sAfe"), text_value("Caf\u00c9")},
                        cep::ListKind::kText,
                        {true, true, true}});
  cep::Table table;
  table.name = "known";
  table.key_names = {"name"};
  table.key_types = {string};
  table.columns = {{"level", type_of(TypeKind::kInt), false},
                   {"limit", decimal_of(2), false},
                   {"devices", {}, true}};
  const auto row = [&](const char* name, const Value& level, const Value& limit,
                       std::vector<std::string> devices) {
    cep::TableRow made;
    made.key = {text_value(name)};
    made.values = {OwnedValue(level), OwnedValue(limit), OwnedValue()};
    made.lists = {{}, {}, std::move(devices)};
    table.rows.push_back(std::move(made));
  };
  row("c1", Value::integer(2), Value::decimal(150, 2), {"d1", "d2"});
  row("c2", Value::missing(), Value::decimal(300, 2), {});
  row("d1", Value::integer(5), Value::missing(), {"d1"});
  plan.tables.push_back(std::move(table));
  add_dated_and_networked(plan);
}

void add_data_fields(Random& random, cep::Plan& plan) {
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    cep::EventType& type = plan.event_types[t];
    if (type.id_field && random.chance(50)) {
      type.unique.emplace();
      if (random.chance(60)) type.unique->within = cep::Duration{1'000'000 * random.between(1, 9)};
    }
    const auto n = find_field(plan, {cep::EventTypeIndex(t)}, "n");
    if (!n || !random.chance(60)) continue;
    const auto compute = [&](const char* name, const std::string& from, const cep::Type& as,
                             const ExprPtr& factor) {
      const auto found = find_field(plan, {cep::EventTypeIndex(t)}, from);
      if (!found) return;
      auto read = std::make_shared<Expr>();
      read->op = Op::kField;
      read->payload = cep::FieldRead{found->first};
      read->type = found->second;
      cep::Field computed;
      computed.name = name;
      computed.type = as;
      computed.optional = true;
      computed.computed = operation(Op::kMultiply, as, {read, factor});
      type.fields.push_back(std::move(computed));
    };
    compute("twice", "n", type_of(TypeKind::kInt), int_literal(2));
    if (random.chance(50)) compute("eightfold", "twice", type_of(TypeKind::kInt), int_literal(4));
    if (random.chance(50)) {
      compute("tripled", "amount", decimal_of(4), literal(decimal_of(2), Value::decimal(300, 2)));
    }
  }
}

ExprPtr random_data_condition(Random& random, const cep::Plan& plan,
                              const std::vector<cep::EventTypeIndex>& types) {
  return Maker(random, plan, types).condition();
}

const char* random_note(Random& random) {
  return random.pick({"", "x", "caf\xc3\xa9", "a gift  card", "Gift card 42", "safe", "unsafe!",
                      "any desk 7", "d1", "CAFE", "gift\tcards", "10.1.2.3", "2001:db8::1",
                      "Asia/Tokyo", "UTC"});
}
}  // namespace tocsin::tests
