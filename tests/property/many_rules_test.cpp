// Rules that an event cannot concern cost it nothing: the work is counted, not timed.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "cep/data/alert_format.h"
#include "cep/data/reference_data.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr int kMerchants = 40;  // that events name: those of the first rules
constexpr const char* kSchema =
    "event payment { ts: time, id: int id, card: string, merchant: string, amount: decimal(2),\n"
    "  memo: string, channel: enum(pos, ecom, atm) }\n";

// What is before the rule, and what it says.
struct Form {
  const char* name;
  std::string (*before)(int);
  std::string (*rule)(int);
};
std::string nothing(int) { return ""; }
const Form kForms[] = {
    // Long because it is one table of forms.
    {"a text", nothing,
     [](int k) { return fmt::format("when payment where merchant = \"m{}\" and amount > 90", k); }},
    {"a long text, under a key", nothing,
     [](int k) {
       return fmt::format("by card when payment where merchant = \"a long name {}\"", k);
     }},
    {"values", nothing,
     [](int k) {
       return fmt::format("when payment where merchant in [\"m{0}\", \"n{0}\"] and amount > 90", k);
     }},
    {"a list",
     [](int k) { return fmt::format("list of_{0} : string = [\"m{0}\", \"n{0}\"]\n", k); },
     [](int k) { return fmt::format("when payment where merchant in of_{} and amount > 50", k); }},
    {"many lists of one value",
     [](int k) {
       return fmt::format("list of_{} : string = [\"m{}\", \"m{}\", \"n{}\"]\n", k, k % 10,
                          10 + k % 7, k);
     },
     [](int k) {
       return fmt::format("when payment where merchant in of_{} and amount > {}", k,
                          k < kMerchants ? 60 + k : 200 + k);
     }},
    {"a text that many share, and a range", nothing,
     [](int k) {
       return fmt::format("when payment where merchant = \"m{}\" and amount > {}", k % 5,
                          k < kMerchants ? 60 + k : 200 + k);
     }},
    {"ranges without a lower end", nothing,
     [](int k) {
       return fmt::format(
           "when payment where merchant = \"m{}\" and amount < {} and memo = \"memo\"", k % 5,
           k < kMerchants ? 40 - k % 7 : -k);
     }},
    {"numbers in a list of many",
     [](int k) {
       std::string values;
       for (int i = 0; i < 70; ++i) values += fmt::format("{}, ", 10'000 * (k + 1) + i);
       const int own = k < kMerchants ? k : 5'000'000 + k;
       return fmt::format("list ids_{} : int = [{}{}]\n", k, values, own);
     },
     [](int k) { return fmt::format("when payment where id in ids_{} and amount > 10", k); }},
    {"a range", nothing,
     [](int k) {
       return k < kMerchants ? fmt::format("when payment where amount > {}", 60 + k)
                             : fmt::format("when payment where amount > {}", 200 + k);
     }},
    {"a sequence", nothing,
     [](int k) {
       return fmt::format(
           "by card when payment where merchant = \"m{}\" then payment where amount > 80 within "
           "1m",
           k);
     }},
    {"events that follow each other", nothing,
     [](int k) {
       return fmt::format(
           "by card when payment where merchant = \"m{}\" then next payment where amount > 50 "
           "within 1m",
           k);
     }},
    {"an absence", nothing,
     [](int k) {
       return fmt::format(
           "by card when payment where merchant = \"m{}\" then no payment where amount > 50 for "
           "10s",
           k);
     }},
    {"a loop", nothing,
     [](int k) {
       return fmt::format(
           "by card when 2+ payment as small where merchant = \"m{}\" then payment where amount > "
           "sum(small.amount) within 1m",
           k);
     }},
    {"a count", nothing,
     [](int k) {
       return fmt::format(
           "by card when payment where merchant = \"m{0}\" and count(payment where merchant = "
           "\"m{0}\") over last 1m >= 2",
           k);
     }},
};

std::string text_of(const Form& form, int rules) {
  std::string text = kSchema;
  for (int k = 0; k < rules; ++k) text += form.before(k);
  for (int k = 0; k < rules; ++k) {
    text += fmt::format("rule r{} \"Rule\" {{\n  {}\n  alert \"x\"\n}}\n", k, form.rule(k));
  }
  return text;
}

struct Outcome {
  cep::EngineStats stats;
  std::vector<std::string> alerts;
};
// Payments of a few cards in slices of so many rows; `between` is called before each slice.
Outcome run(const cep::Program& program, std::size_t rows,
            const std::function<void(std::size_t)>& between = {}) {
  const cep::Plan& plan = program.plan();
  cep::Engine engine(program, 1);
  Outcome outcome;
  std::vector<cep::Alert> alerts;
  Random random(7);
  cep::Batch batch(plan);
  const std::size_t slices = 1'500 / rows;
  std::uint64_t number = 0;
  for (std::size_t s = 0; s < slices; ++s) {
    if (between) between(s);
    batch.clear();
    cep::EventTime ts;
    for (std::size_t i = 0; i < rows; ++i) {
      ts = {static_cast<std::int64_t>(++number) * 500'000};
      const std::string card = fmt::format("c{}", random.below(9));
      const std::size_t shop = random.below(kMerchants);
      const std::string merchant =
          random.chance(20) ? fmt::format("a long name {}", shop) : fmt::format("m{}", shop);
      const bool is_known = !random.chance(5);
      batch.append(plan, cep::EventTypeIndex(0), ts, ts, {number, 0},
                   {cep::Value::time(ts), cep::Value::integer(static_cast<std::int64_t>(number)),
                    cep::Value::string(card),
                    is_known ? cep::Value::string(merchant) : cep::Value::missing(),
                    cep::Value::decimal(random.between(0, 10'000), 2), cep::Value::string("memo"),
                    cep::Value::missing()});
    }
    engine.advance(batch, ts, alerts);
    for (const cep::Alert& alert : alerts) {
      outcome.alerts.push_back(cep::format_alert(plan, alert));
    }
    alerts.clear();
  }
  outcome.stats = engine.stats();
  return outcome;
}

cep::Program compiled(const std::string& text, bool is_indexed = false) {
  const auto plan = plan_of(text);
  auto program = is_indexed ? cep::compile_indexed(plan, {}) : cep::compile(plan);
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return std::move(*program);
}
}  // namespace

TEST_CASE("index: rules that no event concerns cost nothing" * doctest::skip(is_quick())) {
  constexpr std::size_t kRows = 100;
  for (const Form& form : kForms) {
    const std::string name = form.name;
    CAPTURE(name);
    const Outcome few = run(compiled(text_of(form, 100)), kRows);
    const Outcome many = run(compiled(text_of(form, 1'000)), kRows);
    CHECK(!few.alerts.empty());
    CHECK(few.alerts == many.alerts);
    CHECK(few.stats.predicates_asked == many.stats.predicates_asked);
    CHECK(few.stats.operators_run == many.stats.operators_run);
    CHECK(few.stats.rows_relevant == many.stats.rows_relevant);
    CHECK(few.stats.runs == many.stats.runs);
    // A row meets a few rules of a hundred.
    const std::uint64_t rows = few.stats.rows;
    if (name != "a range") CHECK(few.stats.predicates_asked < 6 * rows);
    MESSAGE(name << ": " << static_cast<double>(many.stats.predicates_asked) / double(rows)
                 << " predicates and "
                 << static_cast<double>(many.stats.operators_run) / double(rows)
                 << " operators a row, " << few.alerts.size() << " alerts");
  }
}

TEST_CASE("index: gives what evaluating all predicates gives") {
  for (const Form& form : kForms) {
    const std::string name = form.name;
    CAPTURE(name);
    // So few that all are evaluated where nothing else is asked for.
    const std::string text = text_of(form, 14);
    for (const std::size_t rows : {1U, 7U, 300U}) {
      const Outcome plain = run(compiled(text), rows);
      const Outcome indexed = run(compiled(text, true), rows);
      CHECK(!plain.alerts.empty());
      CHECK(plain.alerts == indexed.alerts);
      CHECK(plain.stats.rows_relevant == indexed.stats.rows_relevant);
      CHECK(plain.stats.values_missing == indexed.stats.values_missing);
      CHECK(plain.stats.runs == indexed.stats.runs);
    }
  }
}

TEST_CASE("index: what a value reaches is read up to the first range that the row is not in") {
  // Each of ten merchants is in the lists of a hundred rules, which want ever higher amounts.
  std::string text = kSchema;
  for (int k = 0; k < 100; ++k) {
    text += fmt::format("list of_{} : string = [", k);
    for (int m = 0; m < 10; ++m) text += fmt::format("{}\"m{}\"", m == 0 ? "" : ", ", m);
    text += "]\n";
  }
  for (int k = 0; k < 100; ++k) {
    text += fmt::format(
        "rule r{0} \"Rule\" {{\n  when payment where merchant in of_{0} and amount > {1}\n"
        "  alert \"x\"\n}}\n",
        k, 95 + k);
  }
  const Outcome outcome = run(compiled(text), 100);
  CHECK(!outcome.alerts.empty());
  // A row of these merchants looks at what its merchant has, and each alert at one rule more.
  CHECK(outcome.stats.predicates_asked <= outcome.stats.rows / 4 + outcome.alerts.size());
}

TEST_CASE("index: many rules of few conditions") {
  const Form form = {"few", nothing, [](int k) {
                       return fmt::format("when payment where merchant = \"m{}\" and amount > 90",
                                          k % 3);
                     }};
  const Outcome few = run(compiled(text_of(form, 3)), 100);
  const Outcome many = run(compiled(text_of(form, 3 * 400)), 100);
  CHECK(!few.alerts.empty());
  CHECK(many.alerts.size() == 400 * few.alerts.size());
  CHECK(many.stats.operators_run == many.alerts.size());
}

TEST_CASE("index: lists that are changed between slices") {
  const std::string text = text_of(kForms[3], 14) +
                           "rule other \"Rule\" {\n  when payment where merchant in of_3 and "
                           "merchant not in of_4 and channel is missing\n  alert \"y\"\n}\n";
  const auto run_changed = [](const cep::Program& shared) {
    const cep::Program program = shared.with_own_data();
    return run(program, 50, [&](std::size_t slice) {
      cep::ReferenceData& data = program.data();
      if (slice == 5) data.list("of_3")->entries().add({"m7"});
      if (slice == 8) data.list("of_7")->entries().remove("m7");
      if (slice == 10) data.list("of_1")->entries().add({"m4", {600'000'000}});
      if (slice == 12) data.list("of_4")->entries().add({"m3"});
      if (slice == 20) data.list("of_3")->entries().reset();
    });
  };
  const Outcome plain = run_changed(compiled(text));
  const Outcome indexed = run_changed(compiled(text, true));
  const Outcome unchanged = run(compiled(text, true), 50);
  CHECK(plain.alerts == indexed.alerts);
  CHECK(plain.alerts != unchanged.alerts);
}

TEST_CASE("index: long lists of numbers that are changed between slices") {
  const Form* const form = std::find_if(std::begin(kForms), std::end(kForms), [](const Form& f) {
    return std::string(f.name) == "numbers in a list of many";
  });
  REQUIRE(form != std::end(kForms));
  const std::string text = text_of(*form, 14);
  const auto run_changed = [](const cep::Program& shared) {
    const cep::Program program = shared.with_own_data();
    const auto key = [&](const char* list, std::int64_t id) {
      return *program.data().list(list)->key_of(cep::Value::integer(id));
    };
    return run(program, 50, [&](std::size_t slice) {
      cep::ReferenceData& data = program.data();
      if (slice == 5) data.list("ids_3")->entries().add({key("ids_3", 700)});
      if (slice == 6) data.list("ids_3")->entries().add({key("ids_3", 800), {401'000'000}});
      if (slice == 8) data.list("ids_4")->entries().add({key("ids_4", 1'000)});
      if (slice == 12) data.list("ids_3")->entries().reset();
    });
  };
  const Outcome plain = run_changed(compiled(text));
  const Outcome indexed = run_changed(compiled(text, true));
  const Outcome unchanged = run(compiled(text, true), 50);
  CHECK(plain.alerts == indexed.alerts);
  CHECK(plain.alerts != unchanged.alerts);
}
}  // namespace tocsin::tests
