// Entries that change, held against a plain map.
#include "cep/data/entry_set.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/list_program.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::Entry;
using cep::EntryBase;
using cep::EntrySet;
using cep::EventTime;
using cep::ListProgram;
using cep::TypeKind;
using cep::Value;

// What a set is: entries with their ends, those declared, and whether one was changed.
struct Model {
  struct Held {
    EventTime until;
    bool is_declared = true;
    friend bool operator==(const Held&, const Held&) = default;
  };
  std::map<std::string, Held> declared;
  std::map<std::string, Held> held;
};

std::string random_key(Random& random) {
  std::string key = "k" + std::to_string(random.below(12));
  if (random.chance(20)) key += " and more bytes than a short text has";
  return key;
}
Entry random_entry(Random& random) {
  Entry entry{random_key(random)};
  if (random.chance(40)) entry.until = EventTime{static_cast<std::int64_t>(random.below(20))};
  return entry;
}
std::vector<Entry> random_entries(Random& random, std::map<std::string, Model::Held>& to,
                                  bool is_declared) {
  std::vector<Entry> entries;
  for (std::size_t i = random.below(10); i > 0; --i) {
    entries.push_back(random_entry(random));
    to[entries.back().key] = {entries.back().until, is_declared};
  }
  return entries;
}

void compare(const EntrySet& set, const Model& model) {
  std::map<std::string, Model::Held> walked;
  std::string before;
  set.walk(std::nullopt, [&](const EntrySet::Seen& seen) {
    CHECK((walked.empty() || before < seen.key));
    before = seen.key;
    walked[before] = {seen.until, seen.is_declared};
    return true;
  });
  CHECK(walked == model.held);
  CHECK(set.size() == model.held.size());
  for (const auto& [key, held] : model.held) {
    for (std::int64_t at = -1; at < 21; ++at) {
      CHECK(set.contains(key, EventTime{at}) == (EventTime{at} < held.until));
    }
  }
  CHECK_FALSE(set.contains("nowhere", EventTime{0}));
  // From the middle on.
  if (!model.held.empty()) {
    const auto middle = std::next(model.held.begin(), static_cast<int>(model.held.size() / 2));
    std::size_t count = 0;
    set.walk(middle->first, [&](const EntrySet::Seen&) { return ++count > 0; });
    CHECK(count == model.held.size() - model.held.size() / 2 - 1);
  }
}
}  // namespace

TEST_CASE("entry set: agrees with a plain map through any changes") {
  for_all_seeds("ENTRIES", 200, [](Random& random) {
    Model model;
    EntrySet set(random_entries(random, model.declared, true));
    model.held = model.declared;
    for (int step = 0; step < 30; ++step) {
      const std::size_t what = random.below(20);
      if (what < 8) {
        const Entry entry = random_entry(random);
        model.held[entry.key] = {entry.until, false};
        set.add(entry);
      } else if (what < 15) {
        const std::string key = random_key(random);
        CHECK(set.remove(key) == (model.held.erase(key) > 0));
      } else if (what == 15) {
        model.held.clear();
        auto base = std::make_shared<const EntryBase>(random_entries(random, model.held, false));
        set.replace(std::move(base));
      } else if (what == 16) {
        set.reset();
        model.held = model.declared;
        CHECK_FALSE(set.is_changed());
      } else if (what == 17) {
        const EntrySet copy = set;
        set.add({"only here"});
        CHECK_FALSE(copy.contains("only here", EventTime{0}));
        set.remove("only here");
      }
      compare(set, model);
    }
    // Over other declarations: what was added and removed stays, or the whole.
    EntrySet other({{"k1"}, {"k50"}});
    const bool is_replaced = set.is_replaced();
    Model after;
    std::map<std::string, Model::Held> expected = {{"k1", {cep::kEventTimeMax, true}},
                                                   {"k50", {cep::kEventTimeMax, true}}};
    set.walk_changes([&](std::string_view key, const std::optional<Entry>& entry) {
      expected.erase(std::string(key));
      if (entry) expected[std::string(key)] = {entry->until, false};
    });
    after.held = is_replaced ? model.held : expected;
    other.take_changes(std::move(set));
    compare(other, after);
  });
}

TEST_CASE("entry set: what has ended is let go of, and what it took the place of does not return") {
  EntrySet set({{"a"}, {"b"}});
  set.add({"a", EventTime{10}});
  set.add({"c", EventTime{10}});
  set.add({"d", EventTime{11}});
  CHECK(set.size() == 4);
  CHECK_FALSE(set.forget(EventTime{9}));
  CHECK(set.forget(EventTime{10}));
  CHECK(set.size() == 2);
  CHECK_FALSE(set.contains("a", EventTime{5}));
  CHECK(set.contains("d", EventTime{10}));
  CHECK(set.removed() == 1);
  set.reset();
  CHECK(set.contains("a", EventTime{10}));
}

TEST_CASE("list: values are found by what they mean") {
  cep::List list;
  list.element = decimal_of(2);
  for (const std::int64_t cents : {-150, 0, 1250}) {
    list.values.emplace_back(Value::decimal(cents, 2));
  }
  ListProgram decimals(list);
  const EventTime now{0};
  CHECK(decimals.contains(Value::decimal(125, 1), now));
  CHECK(decimals.contains(Value::decimal(12500, 3), now));
  CHECK(decimals.contains(Value::integer(0), now));
  CHECK(decimals.contains(Value::fraction(25, 2), now));
  CHECK(decimals.contains(Value::floating(-1.5), now));
  CHECK_FALSE(decimals.contains(Value::decimal(12501, 3), now));
  CHECK_FALSE(decimals.contains(Value::fraction(1, 3), now));
  CHECK_FALSE(decimals.contains(Value::integer(cep::Int128{1} << 100), now));
  std::vector<std::string> values;
  decimals.entries().walk(std::nullopt, [&](const EntrySet::Seen& seen) {
    values.push_back(cep::to_text(decimals.value_of(seen.key).view()));
    return true;
  });
  CHECK(values == std::vector<std::string>{"-1.50", "0.00", "12.50"});

  // Each type's values come back from their keys, in their order.
  struct Row {
    cep::Type type;
    std::vector<Value> ascending;
  };
  const std::vector<Row> rows = {
      {type_of(TypeKind::kInt), {Value::integer(-7), Value::integer(0), Value::integer(9)}},
      {type_of(TypeKind::kBool), {Value::boolean(false), Value::boolean(true)}},
      {type_of(TypeKind::kFloat),
       {Value::floating(-1e9), Value::floating(-0.5), Value::floating(0), Value::floating(2.5)}},
      {type_of(TypeKind::kTime), {Value::time({-5}), Value::time({1'700'000'000'000'000})}},
      {type_of(TypeKind::kDate), {Value::date(-1), Value::date(20'000)}},
      {type_of(TypeKind::kDuration), {Value::duration({0}), Value::duration({60'000'000})}},
      {type_of(TypeKind::kString), {Value::string(""), Value::string("Å"), Value::string("ß")}},
  };
  for (const Row& row : rows) {
    cep::List of_type;
    of_type.element = row.type;
    for (const Value& value : row.ascending) of_type.values.emplace_back(value);
    std::ranges::reverse(of_type.values);
    const ListProgram program(of_type);
    std::vector<std::string> expected;
    std::vector<std::string> found;
    for (const Value& value : row.ascending) {
      CHECK(program.contains(value, now));
      expected.push_back(cep::to_text(value));
    }
    program.entries().walk(std::nullopt, [&](const EntrySet::Seen& seen) {
      found.push_back(cep::to_text(program.value_of(seen.key).view()));
      return true;
    });
    CHECK(found == expected);
  }
}

TEST_CASE("entry set: the first change is reported, once") {
  std::vector<std::uint32_t> changed;
  EntrySet set({{"a"}, {"b"}});
  set.report_change_to(changed, 7);
  CHECK_FALSE(set.remove("c"));
  set.reset();
  CHECK(changed.empty());
  EntrySet copy = set;
  copy.add({"d"});
  CHECK(changed.empty());
  set.remove("a");
  CHECK(changed == std::vector<std::uint32_t>{7});
  set.add({"e"});
  set.reset();
  set.add({"e"});
  CHECK(changed.size() == 1);
  // One that has changed before reports at once; so does what is replaced as a whole.
  copy.report_change_to(changed, 8);
  CHECK(changed == std::vector<std::uint32_t>{7, 8});
  EntrySet replaced({{"a"}});
  replaced.report_change_to(changed, 9);
  replaced.replace(std::make_shared<const EntryBase>(std::vector<Entry>{}));
  CHECK(changed.back() == 9);
  EntrySet taking({{"a"}});
  taking.report_change_to(changed, 10);
  taking.take_changes(std::move(replaced));
  CHECK(changed.back() == 10);
}
}  // namespace tocsin::tests
