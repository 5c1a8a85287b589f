#include "cep/data/bound_events.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/bound_events_writer.h"
#include "cep/value/value_text.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using namespace cep;

// An event with all its parts as strings of its own.
struct PlainEvent {
  std::string as;
  EventTypeIndex type;
  EventIdentity identity;
  EventTime ts;
  std::vector<OwnedValue> fields;
};

// Of any size, so that parts lie at any place of a block.
std::string random_text(Random& random) {
  return std::string(random.chance(20) ? random.below(300) : random.below(20),
                     static_cast<char>('a' + random.below(26)));
}
Value random_value(Random& random, const std::string& text) {
  switch (random.below(5)) {
    case 0:
      return Value::missing();
    case 1:
      return Value::decimal(static_cast<std::int64_t>(random.next()), 2);
    case 2:
      return Value::enumerated(1, text);
    case 3:
      return Value::fraction(1, 3);
    default:
      return Value::string(text);
  }
}

std::string text_of(const EventIdentity& identity) { return identity.bytes + "|" + identity.text; }
void check_equal(const BoundEvents& events, const std::vector<PlainEvent>& plain) {
  REQUIRE(events.size() == plain.size());
  CHECK(events.empty() == plain.empty());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    REQUIRE(events[i].as == plain[i].as);
    REQUIRE(events[i].type == plain[i].type);
    REQUIRE(text_of({std::string(events[i].identity), std::string(events[i].id)}) ==
            text_of(plain[i].identity));
    REQUIRE(events[i].ts == plain[i].ts);
    REQUIRE(events[i].fields.size() == plain[i].fields.size());
    for (std::size_t f = 0; f < plain[i].fields.size(); ++f) {
      const Value value = plain[i].fields[f].view();
      REQUIRE(events[i].fields[f].kind == value.kind);
      REQUIRE(to_text(events[i].fields[f]) == to_text(value));
    }
  }
}

// Writes the event, and keeps nothing that the writer could go on to borrow.
PlainEvent write_random(Random& random, BoundEventsWriter& writer, std::string& as,
                        std::vector<std::string>& texts) {
  PlainEvent plain{as = random_text(random), EventTypeIndex(random.below(9)), {}, {0}, {}};
  plain.ts.us = static_cast<std::int64_t>(random.next() >> 2);
  writer.begin(as, plain.type, plain.ts);
  const std::string id = random_text(random);
  if (random.chance(60)) {
    const Value value = random_value(random, id);
    const bool is_key = value.kind != ValueKind::kFraction;  // no id has this type
    plain.identity = identity_of_id("payment", is_key ? value : Value::integer(7));
    writer.identify_by_id("payment", is_key ? value : Value::integer(7));
  } else if (random.chance(80)) {
    plain.identity = {random_text(random), id};
    writer.identify(plain.identity);
  }
  texts.resize(random.below(6));
  for (std::string& text : texts) {
    text = random_text(random);
    const Value field = random_value(random, text);
    writer.field(field);
    plain.fields.emplace_back(field);
  }
  return plain;
}
}  // namespace

TEST_CASE("bound events: what is written is what a list of plain events has") {
  const std::size_t cases = for_all_seeds("bound_events", 300, [](Random& random) {
    BoundEventsWriter writer;
    for (int round = 0; round < 5; ++round) {
      std::vector<PlainEvent> plain;
      std::vector<std::string> names(random.below(8));
      std::vector<std::vector<std::string>> texts(names.size());
      for (std::size_t i = 0; i < names.size(); ++i) {
        plain.push_back(write_random(random, writer, names[i], texts[i]));
        if (random.chance(10)) {
          writer.reverse();
          std::ranges::reverse(plain);
        }
      }
      BoundEvents events = writer.pack();
      // Nothing is borrowed from here on.
      names.clear();
      texts.clear();
      check_equal(events, plain);
      // A copy lives on without the first one, a list that was moved from is empty.
      std::optional<BoundEvents> copied_from = events;
      BoundEvents copy = *copied_from;
      copied_from.reset();
      check_equal(copy, plain);
      BoundEvents moved = std::move(copy);
      check_equal(moved, plain);
      check_equal(copy, {});  // NOLINT(bugprone-use-after-move): that is what is asked
      copy = std::move(moved);
      check_equal(copy, plain);
      copy = BoundEvents();
      check_equal(copy, {});
      check_equal(events, plain);
    }
    check_equal(writer.pack(), {});
  });
  CHECK(cases > 0);
}
}  // namespace tocsin::tests
