#include "runtime/unique/unique_filter.h"

#include <doctest/doctest.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/value/key.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
using cep::FieldIndex;
using cep::TypeKind;
using cep::Value;

cep::Plan plan_of(std::optional<cep::Duration> within) {
  cep::Plan plan;
  cep::EventType type;
  type.name = type.json_type = "pay";
  type.fields.resize(2);
  type.fields[0].name = "ts";
  type.fields[0].type = tests::type_of(TypeKind::kTime);
  type.fields[1].name = "id";
  type.fields[1].type = tests::type_of(TypeKind::kString);
  type.id_field = FieldIndex(1);
  type.unique = cep::Unique{within};
  plan.event_types = {type, type};
  plan.event_types[1].name = plan.event_types[1].json_type = "other";
  return plan;
}

// The times of those that are left, of "time id" by the first type, or by the second with a `+`.
struct Event {
  std::int64_t ms = 0;
  const char* id = nullptr;  // null: missing
  std::size_t type = 0;
};
std::vector<std::int64_t> left_of(const cep::Plan& plan, const std::vector<Event>& events,
                                  std::size_t rows, std::size_t ids_max = 100) {
  UniqueFilter filter(plan, ids_max, ids_max);
  std::vector<std::int64_t> left;
  for (std::size_t begin = 0; begin < events.size(); begin += rows) {
    cep::Batch batch(plan);
    for (std::size_t i = begin; i < std::min(events.size(), begin + rows); ++i) {
      const cep::EventTime ts{events[i].ms * 1'000};
      const Value id = events[i].id != nullptr ? Value::string(events[i].id) : Value::missing();
      batch.append(plan, cep::EventTypeIndex(events[i].type), ts, ts, {i, 0},
                   {Value::time(ts), id});
    }
    const std::size_t given = batch.rows.size();
    const std::uint64_t dropped = filter.drop_repeats(batch);
    CHECK(dropped == given - batch.rows.size());
    for (const cep::Row& row : batch.rows) left.push_back(row.ts.us / 1'000);
  }
  return left;
}
using Times = std::vector<std::int64_t>;
}  // namespace

// Events arrive out of order, wait, and have their turns as time moves on.
TEST_CASE("unique: what is foreseen comes about, whatever comes before its turn") {
  std::size_t foreseen_in_all = 0;
  tests::for_all_seeds("UNIQUE", 200, [&](tests::Random& random) {
    const bool has_within = random.chance(50);
    const bool is_in_order = random.chance(30);
    const cep::Plan plan = plan_of(has_within ? std::optional(cep::Duration{5'000}) : std::nullopt);
    UniqueFilter filter(plan, 100, 1);
    struct Waiting {
      cep::EventTime time;
      std::uint64_t arrival = 0;
      std::string id;
    };
    std::vector<Waiting> waiting;
    std::set<std::uint64_t> foreseen;
    std::set<std::uint64_t> repeated;
    std::set<std::uint64_t> had_turn;
    const auto batch_of = [&](const std::vector<Waiting>& events) {
      cep::Batch batch(plan);
      for (const Waiting& event : events) {
        batch.append(plan, cep::EventTypeIndex(0), event.time, event.time, {event.arrival, 0},
                     {Value::time(event.time), Value::string(event.id)});
      }
      return batch;
    };
    std::int64_t now_ms = 0;
    std::int64_t newest_ms = 0;
    const std::vector<std::string> ids = {"a", "b", "c", "d"};
    for (std::uint64_t arrival = 1; arrival <= 80; ++arrival) {
      std::int64_t at_ms = now_ms + static_cast<std::int64_t>(random.below(8));
      if (is_in_order) at_ms = newest_ms + static_cast<std::int64_t>(random.below(3));
      newest_ms = std::max(newest_ms, at_ms);
      const Waiting event{cep::EventTime{at_ms * 1'000}, arrival, random.pick(ids)};
      const cep::Batch one = batch_of({event});
      if (filter.foresee(one, one.rows.front())) foreseen.insert(arrival);
      waiting.push_back(event);
      if (!random.chance(20)) continue;
      now_ms = std::min(now_ms + static_cast<std::int64_t>(random.below(6)), newest_ms);
      std::vector<Waiting> due;
      for (const Waiting& one_due : waiting)
        if (one_due.time.us <= now_ms * 1'000) due.push_back(one_due);
      std::erase_if(waiting, [&](const Waiting& w) { return w.time.us <= now_ms * 1'000; });
      std::ranges::stable_sort(due, {}, &Waiting::time);
      cep::Batch slice = batch_of(due);
      for (const Waiting& one_due : due) had_turn.insert(one_due.arrival);
      filter.drop_repeats(slice, [&](cep::ArrivalNumber a) { repeated.insert(a.record); });
    }
    for (const std::uint64_t arrival : foreseen) {
      CAPTURE(arrival);
      if (had_turn.contains(arrival)) CHECK(repeated.contains(arrival));
    }
    if (is_in_order && !has_within) {
      for (const std::uint64_t arrival : repeated) CHECK(foreseen.contains(arrival));
    }
    foreseen_in_all += foreseen.size();
  });
  CHECK(foreseen_in_all > (tests::is_quick() ? 200 : 1000));
}

TEST_CASE("unique: an id is taken once, or once within a time that counts from the one taken") {
  const std::vector<Event> events = {{0, "a"},    {0, "a"},     {1, "b"},     {5, "a"},
                                     {5, "a", 1}, {7, nullptr}, {8, nullptr}, {9, "a"},
                                     {10, "a"},   {19, "a"},    {20, "a"}};
  for (const std::size_t rows : {1, 3, 100}) {
    CAPTURE(rows);
    CHECK(left_of(plan_of(std::nullopt), events, rows) == Times{0, 1, 5, 7, 8});
    CHECK(left_of(plan_of(cep::Duration{10'000}), events, rows) == Times{0, 1, 5, 7, 8, 10, 20});
  }
}

TEST_CASE("unique: the oldest ids are forgotten beyond the limit") {
  const cep::Plan plan = plan_of(std::nullopt);
  CHECK(left_of(plan, {{0, "a"}, {1, "b"}, {2, "c"}, {3, "c"}, {4, "b"}, {5, "a"}}, 2, 2) ==
        Times{0, 1, 2, 5});
}

namespace {
// What the filter does, as a list for each type.
class NaiveFilter {
 public:
  NaiveFilter(std::optional<cep::Duration> within, std::size_t ids_max)
      : within_(within), ids_max_(ids_max), types_(2) {}
  bool is_repeat(std::size_t type, cep::EventTime time, const std::optional<std::string>& id) {
    forget(type, time);
    if (!id) return false;
    std::vector<Taken>& taken = types_[type];
    if (std::ranges::find(taken, *id, &Taken::id) != taken.end()) return true;
    taken.push_back({time, *id});
    if (taken.size() > ids_max_) {
      taken.erase(taken.begin());
      ++forgotten;
    }
    return false;
  }
  void forget_until(cep::EventTime time) {
    for (std::size_t type = 0; type < types_.size(); ++type) forget(type, time);
  }
  // The bytes of a cut, as unique_filter.cpp draws them.
  std::string save(const cep::Plan& plan) const {
    std::string bytes;
    ByteWriter to(bytes);
    to.varint(forgotten);
    to.varint(types_.size());
    for (std::size_t type = 0; type < types_.size(); ++type) {
      to.text(plan.event_types[type].name);
      to.text("id");
      to.varint(types_[type].size());
      std::optional<std::int64_t> before;
      for (const Taken& one : types_[type]) {
        if (before) {
          to.varint(static_cast<std::uint64_t>(one.time.us - *before));
        } else {
          to.i64(one.time.us);
        }
        before = one.time.us;
        std::string key;
        cep::append_key_part(key, Value::string(one.id));
        const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
        to.u64(hash.low64);
        to.u64(hash.high64);
      }
    }
    return bytes;
  }
  std::size_t known() const { return types_[0].size() + types_[1].size(); }
  std::uint64_t forgotten = 0;

 private:
  struct Taken {
    cep::EventTime time;
    std::string id;
  };
  void forget(std::size_t type, cep::EventTime now) {
    if (!within_) return;
    std::erase_if(types_[type], [&](const Taken& one) { return one.time + *within_ <= now; });
  }
  std::optional<cep::Duration> within_;
  std::size_t ids_max_;
  std::vector<std::vector<Taken>> types_;
};
}  // namespace

TEST_CASE("unique: agrees with a plain list, in slices, saved and restored at any time") {
  tests::for_all_seeds("UNIQUE", 300, [&](tests::Random& random) {
    const auto within =
        random.chance(70) ? std::optional(cep::Duration{random.between(1, 400)}) : std::nullopt;
    const std::size_t ids_max = random.pick({std::size_t{2}, std::size_t{30}, std::size_t{1'000}});
    const std::size_t ids = random.pick({std::size_t{5}, std::size_t{60}, std::size_t{3'000}});
    const cep::Plan plan = plan_of(within);
    auto filter = std::make_unique<UniqueFilter>(plan, ids_max, random.next());
    NaiveFilter naive(within, ids_max);
    std::optional<std::string> cut;  // that is being written: what it is to become
    std::string written;
    std::int64_t now = 0;
    std::uint64_t arrival = 0;
    for (int slice = 0; slice < 30; ++slice) {
      cep::Batch batch(plan);
      std::vector<std::string> texts;
      texts.reserve(200);
      std::vector<std::uint64_t> left;
      std::vector<std::uint64_t> repeats;
      for (std::size_t rows = random.below(120); rows > 0; --rows) {
        now += random.between(0, random.chance(2) ? 500 : 4);
        const std::size_t type = random.below(2);
        std::optional<std::string> id;
        if (random.chance(95)) id = "id" + std::to_string(random.below(ids));
        if (id) texts.push_back(*id);
        ++arrival;
        batch.append(plan, cep::EventTypeIndex(type), {now}, {now}, {arrival, 0},
                     {Value::time({now}), id ? Value::string(texts.back()) : Value::missing()});
        (naive.is_repeat(type, {now}, id) ? repeats : left).push_back(arrival);
      }
      std::vector<std::uint64_t> told;
      REQUIRE(filter->drop_repeats(batch, [&](cep::ArrivalNumber a) {
        told.push_back(a.record);
      }) == repeats.size());
      REQUIRE(told == repeats);
      REQUIRE(batch.rows.size() == left.size());
      for (std::size_t i = 0; i < left.size(); ++i)
        REQUIRE(batch.rows[i].arrival.record == left[i]);
      if (random.chance(50)) {
        now += random.between(0, 100);
        filter->forget_until({now});
        naive.forget_until({now});
        REQUIRE(filter->known() == naive.known());
      }
      REQUIRE(filter->forgotten() == naive.forgotten);
      if (!cut && random.chance(40)) {
        filter->forget_until({now});
        naive.forget_until({now});
        filter->begin_save();
        cut = naive.save(plan);
        written.clear();
      }
      if (!cut) continue;
      if (random.chance(10)) {
        filter->end_save();
        cut.reset();
        continue;
      }
      if (!filter->write_save(written, written.size() + random.below(300))) continue;
      REQUIRE(written == *cut);
      cut.reset();
      if (!random.chance(50)) continue;
      // Goes on from the bytes of now.
      std::string bytes;
      filter->forget_until({now});
      naive.forget_until({now});
      filter->begin_save();
      REQUIRE(filter->write_save(bytes, std::string::npos));
      REQUIRE(bytes == naive.save(plan));
      filter = std::make_unique<UniqueFilter>(plan, ids_max, random.next());
      ByteReader reader(bytes);
      REQUIRE(filter->restore(reader));
      REQUIRE(reader.is_done());
    }
  });
}

TEST_CASE("unique: ids whose time is over go with time, and their memory is back") {
  constexpr std::size_t kIds = 20'000;
  const cep::Plan plan = plan_of(cep::Duration{10'000'000});
  UniqueFilter filter(plan, 1'000'000, 1);
  const std::size_t empty = filter.bytes();
  cep::Batch batch(plan);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kIds; ++i) ids.push_back("id " + std::to_string(i));
  for (std::size_t i = 0; i < kIds; ++i) {
    const cep::EventTime ts{static_cast<std::int64_t>(i)};
    batch.append(plan, cep::EventTypeIndex(i % 2), ts, ts, {i, 0},
                 {Value::time(ts), Value::string(ids[i])});
  }
  CHECK(filter.drop_repeats(batch) == 0);
  CHECK(filter.known() == kIds);
  // 16 bytes of the id and 8 of its time in order, and its number in an index.
  CHECK(filter.bytes() > kIds * 29);
  CHECK(filter.bytes() < kIds * 44);
  // No event comes any more, of either type.
  filter.forget_until(cep::EventTime{10'000'000});
  CHECK(filter.known() == kIds - 1);
  filter.forget_until(cep::EventTime{10'000'000 + kIds / 2 - 1});
  CHECK(filter.known() == kIds / 2);
  filter.forget_until(cep::EventTime{20'000'000});
  CHECK(filter.known() == 0);
  CHECK(filter.first_number(cep::EventTypeIndex(0)) == kIds / 2);
  CHECK(filter.next_number(cep::EventTypeIndex(1)) == kIds / 2);
  CHECK(filter.bytes() < empty + 1'000);
}
}  // namespace tocsin::runtime
