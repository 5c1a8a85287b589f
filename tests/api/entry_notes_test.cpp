#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/lists/entry_notes.h"
#include "runtime/effects/effect_codec.h"
#include "tests/api/stored_alerts.h"
#include "tests/support/random.h"

namespace tocsin::api {
namespace {
using runtime::ListAction;
using runtime::ListName;
using tests::Random;
using tests::StoredAlerts;

const ListName kCards{false, "cards"};
const ListName kRows{true, "cards"};  // a table of the same name
const ListName kOthers{false, "cards2"};

NotedChange change(const ListName& name, ListAction action, std::uint64_t record,
                   std::string comment = {}) {
  return {name,
          action,
          record,
          {fmt::format("who{}", record), {1000 + std::int64_t(record)}, std::move(comment)}};
}
std::string shown(const NotesOfEntries& notes, std::string_view key) {
  const EntryNote* const note = notes.find(key);
  return note == nullptr ? "nothing"
                         : fmt::format("{} {} {}", note->who, note->at.us, note->comment);
}
std::string shown(const EntryNotes& notes, const ListName& name, const std::string& key) {
  const auto found = notes.find(name, key, key);
  REQUIRE(found);
  return shown(*found, key);
}
// All that is kept of notes.
std::vector<std::string> kept(const runtime::Store& store) {
  std::vector<std::string> keys;
  REQUIRE(store.scan(runtime::kTriageFamily, {}, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  return keys;
}

TEST_CASE("notes of entries: the last who wrote an entry, with time and comment") {
  StoredAlerts stored;
  EntryNotes notes(stored.store());
  CHECK(shown(notes, kCards, "c1") == "nothing");
  const std::vector<cep::Entry> two = {{"c1"}, {"c2", {5}}};
  REQUIRE(notes.note(change(kCards, ListAction::kAdd, 1, "chargebacks"), two, {}));
  CHECK(shown(notes, kCards, "c1") == "who1 1001 chargebacks");
  CHECK(shown(notes, kCards, "c2") == "who1 1001 chargebacks");
  CHECK(shown(notes, kCards, "c") == "nothing");
  CHECK(shown(notes, kRows, "c1") == "nothing");
  CHECK(shown(notes, kOthers, "c1") == "nothing");
  REQUIRE(notes.note(change(kCards, ListAction::kAdd, 2), std::vector<cep::Entry>{{"c2"}}, {}));
  CHECK(shown(notes, kCards, "c1") == "who1 1001 chargebacks");
  CHECK(shown(notes, kCards, "c2") == "who2 1002 ");
  REQUIRE(notes.note(change(kCards, ListAction::kRemove, 3), two, {}));
  CHECK(shown(notes, kCards, "c1") == "nothing");
  CHECK(kept(stored.store()).empty());
}

TEST_CASE("notes of entries: a whole has one note, under those of what was written since") {
  StoredAlerts stored;
  EntryNotes notes(stored.store());
  const std::vector<cep::Entry> one = {{"c1", {7}}};
  REQUIRE(notes.note(change(kCards, ListAction::kAdd, 1), one, {}));
  REQUIRE(notes.note(change(kRows, ListAction::kAdd, 2), one, {}));
  REQUIRE(notes.note(change(kCards, ListAction::kReplace, 3, "the new year's"), {}, {}));
  CHECK(shown(notes, kCards, "c1") == "who3 1003 the new year's");
  CHECK(shown(notes, kCards, "any") == "who3 1003 the new year's");
  CHECK(shown(notes, kRows, "c1") == "who2 1002 ");
  REQUIRE(notes.note(change(kCards, ListAction::kAdd, 4), one, {}));
  CHECK(shown(notes, kCards, "c1") == "who4 1004 ");
  CHECK(shown(notes, kCards, "any") == "who3 1003 the new year's");
  REQUIRE(notes.note(change(kCards, ListAction::kReset, 5), {}, {}));
  CHECK(shown(notes, kCards, "c1") == "nothing");
  CHECK(shown(notes, kCards, "any") == "nothing");
  CHECK(shown(notes, kRows, "c1") == "who2 1002 ");
}

TEST_CASE("notes of entries: they are there after the process is gone") {
  for (const bool loses_power : {false, true}) {
    StoredAlerts stored;
    REQUIRE(EntryNotes(stored.store())
                .note(change(kCards, ListAction::kAdd, 1), std::vector<cep::Entry>{{"c1"}}, {}));
    // As the audit log does behind it, before anybody is answered.
    runtime::StoreBatch batch;
    batch.put(runtime::kAuditFamily, "e", "entry");
    REQUIRE(stored.store().write(batch, true));
    stored.restart(loses_power);
    CHECK(shown(EntryNotes(stored.store()), kCards, "c1") == "who1 1001 ");
  }
}

// The definition: what the last change of an entry, or of all of them, was.
struct Definition {
  struct Known {
    std::uint64_t record;
    cep::EventTime until;
  };
  std::map<ListName, std::map<std::string, Known>> entries;
  std::map<ListName, std::uint64_t> wholes;

  void apply(const NotedChange& change, const std::vector<cep::Entry>& of) {
    const bool is_whole = change.action == ListAction::kReplace;
    if (is_whole || change.action == ListAction::kReset || change.is_first) {
      entries[change.name].clear();
      wholes.erase(change.name);
    }
    if (is_whole) wholes[change.name] = change.record;
    for (const cep::Entry& entry : of) {
      entries[change.name].erase(entry.key);
      if (change.action == ListAction::kAdd)
        entries[change.name][entry.key] = {change.record, entry.until};
    }
  }
  std::uint64_t record(const ListName& name, const std::string& key) {
    const auto known = entries[name].find(key);
    if (known != entries[name].end()) return known->second.record;
    const auto whole = wholes.find(name);
    return whole == wholes.end() ? 0 : whole->second;
  }
};

TEST_CASE(
    "notes of entries: random changes, beside the definition; nothing is left of what is gone") {
  constexpr std::uint64_t kSeed = 20261128;
  MESSAGE("seed " << kSeed);
  Random random(kSeed);
  StoredAlerts stored;
  EntryNotes notes(stored.store());
  Definition known;
  const std::vector<ListName> lists = {kCards, kRows, kOthers};
  std::int64_t now = 0;
  std::uint64_t record = 0;
  const auto carry_out = [&](NotedChange one, const std::vector<cep::Entry>& of) {
    // What has ended by now no longer exists.
    const auto ending = notes.first_to_end(20 + 2 * of.size());
    REQUIRE(ending);
    std::vector<EndingEntry> gone;
    known.apply(one, of);
    for (const EndingEntry& entry : *ending) {
      auto& entries = known.entries[entry.name];
      const auto found = entries.find(entry.key);
      const bool is_same = found != entries.end() && found->second.until == entry.until;
      if (is_same && entry.until.us > now) continue;
      if (is_same && found->second.record == record) continue;  // added with an end that is over
      if (is_same) entries.erase(found);
      gone.push_back(entry);
    }
    REQUIRE(notes.note(one, of, gone));
  };
  for (int round = 0; round < 2'000; ++round) {
    now += static_cast<std::int64_t>(random.below(3));
    NotedChange one = change(lists[random.below(3)], ListAction::kAdd, ++record);
    const std::uint64_t kind = random.below(100);
    if (kind < 2) one.action = ListAction::kReplace;
    if (kind == 2) one.action = ListAction::kReset;
    if (kind == 3) one.is_first = true;
    if (kind >= 65) one.action = ListAction::kRemove;
    std::vector<cep::Entry> of;
    const bool has_entries = one.action == ListAction::kAdd || one.action == ListAction::kRemove;
    for (std::uint64_t i = has_entries ? 1 + random.below(4) : 0; i > 0; --i) {
      cep::Entry entry{fmt::format("k{}", random.below(12))};
      if (one.action == ListAction::kAdd && random.below(2) == 0)
        entry.until.us = now + 1 + static_cast<std::int64_t>(random.below(20));
      of.push_back(std::move(entry));
    }
    carry_out(one, of);
    for (const ListName& name : lists) {
      const auto found = notes.find(name, "k0", "k9");
      REQUIRE(found);
      for (int i = 0; i < 12; ++i) {
        const std::string key = fmt::format("k{}", i);
        CAPTURE(round);
        CAPTURE(key);
        const EntryNote* const note = found->find(key);
        CHECK((note == nullptr ? 0 : std::stoull(note->who.substr(3))) == known.record(name, key));
      }
    }
  }
  // Everything ends, or is taken out: of the changes nothing stays.
  now += 1'000;
  for (const ListName& name : lists) carry_out(change(name, ListAction::kReset, ++record), {});
  for (int i = 0; i < 10; ++i) carry_out(change(kCards, ListAction::kRemove, ++record), {});
  CHECK(kept(stored.store()) == std::vector<std::string>());
}

TEST_CASE("notes of entries: an end before 1970, a key with zero bytes, a page of many") {
  StoredAlerts stored;
  EntryNotes notes(stored.store());
  const std::string odd("a\0b\xff", 4);
  const std::vector<cep::Entry> of = {{odd, {-5}}, {"", {3}}};
  REQUIRE(notes.note(change(kCards, ListAction::kAdd, 1), of, {}));
  CHECK(shown(notes, kCards, odd) == "who1 1001 ");
  const auto ending = notes.first_to_end(10);
  REQUIRE(ending);
  REQUIRE(ending->size() == 2);
  CHECK(ending->front().key == odd);
  CHECK(ending->front().until.us == -5);
  CHECK(ending->back().key.empty());
  REQUIRE(notes.note(change(kRows, ListAction::kAdd, 2), {}, *ending));
  CHECK(kept(stored.store()).empty());

  std::vector<cep::Entry> many;
  for (int i = 0; i < 25'000; ++i) many.push_back({fmt::format("{:06}", i)});
  const std::uint64_t before = stored.disk.writes();
  REQUIRE(notes.note(change(kCards, ListAction::kAdd, 3), many, {}));
  CHECK(stored.disk.writes() - before == 3);  // of 10,000 at most
  REQUIRE(notes.note(change(kCards, ListAction::kAdd, 4), std::vector<cep::Entry>{many[7]}, {}));
  const auto page = notes.find(kCards, "000005", "000008");
  REQUIRE(page);
  CHECK(shown(*page, "000004") == "nothing");
  CHECK(shown(*page, "000005") == "who3 1003 ");
  CHECK(shown(*page, "000007") == "who4 1004 ");
  REQUIRE(notes.note(change(kCards, ListAction::kRemove, 5), many, {}));
  CHECK(kept(stored.store()).empty());
}

TEST_CASE("notes of entries: bytes that are none of ours are named as such") {
  StoredAlerts stored;
  EntryNotes notes(stored.store());
  runtime::StoreBatch batch;
  batch.put(runtime::kTriageFamily, std::string("l0cards\0ec1", 11), "short");
  REQUIRE(stored.store().write(batch, true));
  CHECK(notes.find(kCards, "c1", "c1").error().code == Errc::kCorrupt);
  CHECK(notes.note(change(kCards, ListAction::kAdd, 1), std::vector<cep::Entry>{{"c1"}}, {})
            .error()
            .code == Errc::kCorrupt);
}
}  // namespace
}  // namespace tocsin::api
