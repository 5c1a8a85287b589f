// The audit log as a signed chain: what is done without the key is found, and a crash is no damage.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/custody/audit_watch.h"
#include "api/rest/audit_log.h"
#include "api/rest/audit_verify.h"
#include "api/rest/refusal_tally.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "tests/api/stored_alerts.h"
#include "tests/support/model_store.h"
#include "tests/support/random.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::kAuditFamily;

SecretKeys keys_of(const std::string& text) { return *SecretKeys::parse(text, "keys"); }
const std::string kText = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const std::string kOther = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

struct World {
  explicit World(SecretKeys keys_in = keys_of(kText), int entries = 6) : keys(std::move(keys_in)) {
    store = *disk.open(runtime::effect_families());
    REQUIRE(open());
    for (int i = 0; i < entries; ++i) change();
  }
  Result<void> open(std::optional<std::string> witness = {}) {
    auto opened = AuditLog::open(*store, clock, {limits, keys, std::move(witness)});
    if (!opened) return tl::unexpected(opened.error());
    log = *std::move(opened);
    return {};
  }
  void restart() {
    log.reset();
    store.reset();
    disk.cut_power();
    store = *disk.open(runtime::effect_families());
  }
  void change() const {
    const AuditDeed deed{
        .actor = "ann", .role = "analyst", .from = "10.0.0.1", .action = "putRule"};
    const Result<std::uint64_t> ticket = log->begin(deed);
    REQUIRE(ticket);
    REQUIRE(log->finish(*ticket, deed, {200, {}}));
  }
  std::string line(std::uint64_t sequence) const {
    return store->get(kAuditFamily, audit_entry_key(sequence))->value_or("");
  }
  void put(std::uint64_t sequence, const std::string& text) const {
    runtime::StoreBatch batch;
    if (text.empty()) {
      batch.remove(kAuditFamily, audit_entry_key(sequence));
    } else {
      batch.put(kAuditFamily, audit_entry_key(sequence), text);
    }
    REQUIRE(store->write(batch, true));
  }
  void put_place(const char* name, const AuditPlace& place, const SecretKeys& with) const {
    runtime::StoreBatch batch;
    batch.put(kAuditFamily, name, encode_place(place, name, with));
    REQUIRE(store->write(batch, true));
  }
  AuditReport report(const std::vector<AuditWitnessText>& witnesses = {}) const {
    Result<AuditReport> made = verify_audit(*store, keys, witnesses);
    REQUIRE(made);
    return *std::move(made);
  }
  // The first finding; empty: the log is good.
  std::string found(const std::vector<AuditWitnessText>& witnesses = {}) const {
    const AuditReport made = report(witnesses);
    return made.findings.empty() ? "" : made.findings.front().message;
  }
  // Writes all from `first` on as somebody without the key could, linked as it must be.
  void recompute(std::uint64_t first, std::uint64_t last) const {
    AuditDigest previous = first == 1 ? AuditDigest{} : link_of(line(first - 1));
    for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
      ordered_json entry = ordered_json::parse(line(sequence));
      entry["actor"] = "nobody";
      entry["format"] = 1;
      entry["previous"] = cep::hex(previous);
      entry.erase("key");
      entry.erase("tag");
      put(sequence, entry.dump());
      previous = link_of(entry.dump());
    }
    put_place(kAuditHead, {last, previous, 0}, {});
  }

  SecretKeys keys;
  AuditLimits limits;
  tests::ModelDisk disk;
  tests::SharedClock clock;
  std::unique_ptr<runtime::Store> store;
  std::unique_ptr<AuditLog> log;
};
}  // namespace

TEST_CASE("audit chain: what was written is good, with its key and without, and after a start") {
  World world;
  CHECK(world.found().empty());
  CHECK(world.report().entries == 6);
  CHECK(world.report().keys ==
        std::map<std::string, std::uint64_t>{{world.keys.current().id(), 6}});
  CHECK(*check_audit(*world.store) == 6);
  world.restart();
  REQUIRE(world.open());
  world.change();
  CHECK(world.report().entries == 7);
  CHECK(world.found().empty());
  const ordered_json entry = ordered_json::parse(world.line(7));
  CHECK(entry["format"] == 2);
  CHECK(entry["previous"] == ordered_json::parse(world.line(6))["tag"]);
  CHECK(entry["from"] == "10.0.0.1");
}

TEST_CASE("audit chain: each entry that is changed, taken out, moved or swapped is named") {
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    CAPTURE(sequence);
    const std::string name = "entry " + std::to_string(sequence);
    World world;
    const std::string before = world.line(sequence);
    std::string changed = before;
    changed.replace(changed.find("\"ann\""), 5, "\"bob\"");
    world.put(sequence, changed);
    CHECK(world.found() == name + " was changed, or written without the key");
    world.put(sequence, "{}");
    CHECK(world.found() == name + " is not what was written");
    world.put(sequence, "");
    CHECK(world.found() == name + " is missing");
    world.put(sequence, before);
    CHECK(world.found().empty());
    if (sequence == 6) continue;
    const std::string next = world.line(sequence + 1);
    world.put(sequence, next);
    world.put(sequence + 1, before);
    CHECK(world.found().starts_with(name + " is one that was written as entry " +
                                    std::to_string(sequence + 1)));
  }
}

TEST_CASE("audit chain: every byte of an entry counts") {
  World world;
  const std::string before = world.line(3);
  for (std::size_t i = 0; i < before.size(); ++i) {
    CAPTURE(i);
    std::string changed = before;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    world.put(3, changed);
    CHECK(!world.found().empty());
  }
}

TEST_CASE("audit chain: several that are taken out are named together, and more findings follow") {
  World world;
  for (const std::uint64_t sequence : {2, 3, 4}) world.put(sequence, "");
  std::string changed = world.line(6);
  changed.replace(changed.find("\"ann\""), 5, "\"bob\"");
  world.put(6, changed);
  const AuditReport report = world.report();
  REQUIRE(report.findings.size() == 2);
  CHECK(report.findings[0].message == "entries 2 to 4 are missing");
  CHECK(report.findings[1].message == "entry 6 was changed, or written without the key");
}

TEST_CASE("audit chain: the end cut off, with any end that can be had without the key") {
  World world;
  const std::string witness = world.log->witness(40);
  const AuditPlace place = *read_place(*world.store, kAuditHead);
  world.put(6, "");
  world.put(5, "");
  CHECK(world.found() == "entries 5 to 6 are missing");
  // The end moved too, without the key, with another key, and signed for another place.
  const AuditPlace cut{4, link_of(world.line(4)), place.bytes};
  world.put_place(kAuditHead, cut, {});
  CHECK(world.found() == "the end of the log is not signed: it was written without the key");
  world.put_place(kAuditHead, cut, keys_of(kOther));
  CHECK(world.found().find("is signed with the key") != std::string::npos);
  runtime::StoreBatch batch;
  batch.put(kAuditFamily, kAuditHead, encode_place(cut, kAuditAnchor, world.keys));
  REQUIRE(world.store->write(batch, true));
  CHECK(world.found() == "the end of the log was changed, or signed without the key");
  // An end that was good once: the log is as it was then, and only a checkpoint knows more.
  world.put_place(kAuditHead, cut, world.keys);
  CHECK(world.found().empty());
  CHECK(world.found({{"checkpoint", witness}}) ==
        "checkpoint: the log had 6 entries then, and has 4: it was truncated, or is an older copy");
  // A start refuses it too, and does not sign it anew.
  world.log.reset();
  const Result<void> opened = world.open(witness);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::kCorrupt);
  CHECK(opened.error().message.find("had 6 entries at the newest checkpoint, and has 4") !=
        std::string::npos);
}

TEST_CASE("audit chain: what a checkpoint keeps cannot be changed, nor moved to another position") {
  World world;
  std::string witness = world.log->witness(40);
  CHECK(world.found({{"checkpoint", witness}}).empty());
  CHECK(world.report({{"checkpoint", witness}}).witnesses == 1);
  for (const auto& [from, to] : {std::pair{"\"position\":40", "\"position\":41"},
                                 std::pair{"\"sequence\":6", "\"sequence\":5"}}) {
    std::string changed = witness;
    changed.replace(changed.find(from), std::string(from).size(), to);
    CHECK(world.found({{"checkpoint", changed}}).find("was changed") != std::string::npos);
    CHECK_FALSE(world.open(changed));
  }
  CHECK(world.found({{"checkpoint", "{}"}}).find("was changed") != std::string::npos);
}

TEST_CASE("audit chain: a log recomputed without the key, from any entry on") {
  for (std::uint64_t first = 1; first <= 6; ++first) {
    CAPTURE(first);
    World world;
    const std::string witness = world.log->witness(40);
    world.recompute(first, 6);
    // By itself it is one that nobody signed.
    const std::string found = world.found();
    CHECK(found == "the end of the log is not signed: it was written without the key");
    if (first > 1) {
      const AuditReport report = world.report();
      CHECK(report.findings[1].message ==
            "entry " + std::to_string(first) + " is not signed, though entries before it are");
    }
    CHECK(world.found({{"checkpoint", witness}}) != "");
    world.log.reset();
    CHECK_FALSE(world.open(witness));
  }
}

TEST_CASE("audit chain: an entry put in behind the end, and one put in between") {
  World world;
  ordered_json entry = ordered_json::parse(world.line(6));
  entry["sequence"] = 7;
  entry["previous"] = entry["tag"];
  entry.erase("key");
  entry.erase("tag");
  world.put(7, sign_entry(entry.dump(), keys_of(kOther)));
  CHECK(world.found() == "entry 7 is behind the end of the log: it was put in");
}

TEST_CASE("audit chain: what retention removes ends in a signed place") {
  World world;
  world.limits.bytes_max = 1'200;
  REQUIRE(world.open());
  for (int i = 0; i < 10; ++i) world.change();
  CHECK(world.found().empty());
  CHECK(world.report().first > 8);
  const AuditPlace anchor = *read_place(*world.store, kAuditAnchor);
  CHECK(signature_of(anchor, kAuditAnchor, world.keys) == AuditSignature::kGood);
  // The next one taken out too, with its place moved on.
  const std::uint64_t next = anchor.sequence + 1;
  const AuditDigest link = link_of(world.line(next));
  world.put(next, "");
  world.put_place(kAuditAnchor, {next, link, 0}, keys_of(kOther));
  CHECK(!world.found().empty());
  world.put_place(kAuditAnchor, {next, link, 0}, {});
  CHECK(!world.found().empty());
}

TEST_CASE("audit chain: changes that a crash cut short are told, and are no damage") {
  World world;
  const AuditDeed deed{.actor = "ann", .action = "putRule"};
  REQUIRE(world.log->begin(deed));
  world.restart();
  CHECK(world.found().empty());
  CHECK(world.report().under_way == 1);
  REQUIRE(world.open());
  CHECK(world.log->recovered() == 1);
  CHECK(world.report().under_way == 0);
  CHECK(world.found().empty());
  CHECK(ordered_json::parse(world.line(7))["result"] == "unknown");
}

TEST_CASE(
    "audit chain: refusals and reads that a power cut takes are no damage to what checkpoints "
    "keep") {
  for (int round = 0; round < 20; ++round) {
    World world;
    for (int i = 0; i < 5; ++i)
      REQUIRE(world.log->refuse({.action = "putRule"}, 403, 1, world.clock.now()));
    REQUIRE(world.log->note_read({.actor = "ann", .action = "listAlerts"}, {200, {}}));
    const std::string witness = world.log->witness(40);
    world.restart();
    CHECK(world.found({{"checkpoint", witness}}).empty());
    CHECK(world.open(witness));
  }
}

TEST_CASE("audit chain: what a tally counts of refusals is signed like all else") {
  World world;
  RefusalTally tally(*world.log, world.clock, RefusalLimits{});
  for (int i = 0; i < 5; ++i) tally.note({.from = "10.0.0.9"}, 401);
  tally.step();
  world.change();
  tally.stop();
  REQUIRE(ordered_json::parse(world.line(9))["count"] == 4);
  for (std::uint64_t sequence = 7; sequence <= 9; ++sequence)
    CHECK(ordered_json::parse(world.line(sequence))["key"] == world.keys.current().id());
  CHECK(world.found().empty());
  // Whoever wants his refusals to look fewer.
  std::string changed = world.line(9);
  changed.replace(changed.find("\"count\":4"), 9, "\"count\":1");
  world.put(9, changed);
  CHECK(world.found().starts_with("entry 9 "));
}

TEST_CASE("audit chain: a log without a key is signed from the next start with one on") {
  World world{SecretKeys(), 3};
  CHECK(*check_audit(*world.store) == 3);
  world.keys = keys_of(kText);
  REQUIRE(world.open());
  CHECK(world.log->unsigned_before() == 3);
  world.change();
  CHECK(world.found().empty());
  const AuditReport report = world.report();
  CHECK(report.keys ==
        std::map<std::string, std::uint64_t>{{"", 3}, {world.keys.current().id(), 2}});
  CHECK(ordered_json::parse(world.line(4))["action"] == "signAudit");
  CHECK(ordered_json::parse(world.line(4))["unsigned_entries"] == 3);
  REQUIRE(world.open());
  CHECK(world.log->unsigned_before() == 0);
  // No way back.
  world.keys = {};
  const Result<void> opened = world.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::kDenied);
  // An unsigned past cannot be changed without its successor telling.
  world.keys = keys_of(kText);
  std::string changed = world.line(2);
  changed.replace(changed.find("\"ann\""), 5, "\"bob\"");
  world.put(2, changed);
  CHECK(world.found().starts_with("entry 3 does not follow the entry before it"));
}

TEST_CASE("audit chain: another key goes on, and the earlier one still checks what it signed") {
  World world;
  world.keys = keys_of(kOther + "\n" + kText);
  REQUIRE(world.open());
  world.change();
  CHECK(world.found().empty());
  CHECK(world.report().keys.size() == 2);
  world.keys = keys_of(kOther);
  CHECK(world.report().unchecked == 6);
  CHECK(world.found() == "entries 1 to 6 are signed with the key " + keys_of(kText).current().id() +
                             ", which is not given");
  // Whoever has no key at all may still check how entries are linked.
  world.keys = {};
  CHECK(world.found().empty());
}

TEST_CASE("audit chain: findings beyond those that are kept count too") {
  World world(keys_of(kText), 12);
  for (std::uint64_t sequence = 2; sequence <= 12; sequence += 2) world.put(sequence, "{}");
  const Result<AuditReport> report = verify_audit(*world.store, world.keys, {}, 3);
  REQUIRE(report);
  CHECK(report->findings.size() == 3);
  CHECK(report->more == 3);
  CHECK_FALSE(report->is_good());
  CHECK(*AuditLog::accept(*world.store, world.clock, world.keys, 0, "looked at") == 13);
  CHECK(verify_audit(*world.store, world.keys, {}, 3)->is_good());
  world.put(13, "{}");
  CHECK_FALSE(verify_audit(*world.store, world.keys, {}, 3)->is_good());
}

TEST_CASE("audit chain: what somebody with the key accepts is shown, and passes") {
  World world;
  const std::string witness = world.log->witness(40);
  std::string changed = world.line(2);
  changed.replace(changed.find("\"ann\""), 5, "\"bob\"");
  world.put(2, changed);
  world.put(6, "");
  world.put_place(kAuditHead, {5, link_of(world.line(5)), 0}, keys_of(kOther));
  CHECK_FALSE(world.report().is_good());
  CHECK_FALSE(world.open(witness));
  CHECK(*AuditLog::accept(*world.store, world.clock, world.keys, 6, "looked at") == 7);
  REQUIRE(world.open(witness));
  world.change();
  const AuditReport report = world.report({{"checkpoint", witness}});
  CHECK(report.is_good());
  REQUIRE(report.findings.size() == 2);
  CHECK(report.findings[0].message == "entry 2 was changed, or written without the key");
  CHECK(report.findings[1].message == "entry 6 is missing");
  // What happens after it is not accepted.
  changed = world.line(8);
  changed.replace(changed.find("\"ann\""), 5, "\"bob\"");
  world.put(8, changed);
  CHECK_FALSE(world.report().is_good());
}

TEST_CASE("audit chain: of 200 entries, whichever is changed is the one that is found") {
  World world(keys_of(kText), 200);
  for (std::uint64_t sequence = 1; sequence <= 200; sequence += tests::is_quick() ? 9 : 1) {
    const std::string before = world.line(sequence);
    std::string changed = before;
    changed.replace(changed.find("\"10.0.0.1\""), 10, "\"10.0.0.2\"");
    world.put(sequence, changed);
    const AuditReport report = world.report();
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].sequence == sequence);
    world.put(sequence, before);
  }
}

TEST_CASE("audit watch: a log that grows meanwhile is good, a change in its middle is found once") {
  World world;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> told;
  AuditWatch watch(*world.store, world.keys, cep::Duration{1000}, [&](const std::string& finding) {
    const std::lock_guard lock(mutex);
    told.push_back(finding);
    changed.notify_all();
  });
  const auto await_told = [&](std::size_t times) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return told.size() >= times; }));
  };
  for (int i = 0; i < 200; ++i) world.change();
  const std::string third = world.line(3);
  const std::string fifth = world.line(5);
  world.put(3, "");
  await_told(1);
  CHECK(watch.finding() == "the audit log is damaged: entry 3 is missing");
  for (int i = 0; i < 50; ++i) world.change();
  world.put(3, third);
  await_told(2);
  CHECK(watch.finding().empty());
  world.put(5, "{}");
  await_told(3);
  world.put(5, fifth);
  await_told(4);
  CHECK(told ==
        std::vector<std::string>{"the audit log is damaged: entry 3 is missing", "",
                                 "the audit log is damaged: entry 5 is not what was written", ""});
}

TEST_CASE(
    "audit watch: what retention removes, and what is written, while it looks is no finding") {
  World world(keys_of(kText), 60);
  // At entry 30 the first ones are removed by what is written; a scan goes on with what it had.
  world.limits.bytes_max = 1'200;
  REQUIRE(world.open());
  int entries = 0;
  const auto grow = [&] {
    if (++entries == 30) {
      for (int i = 0; i < 10; ++i) world.change();
    }
    return true;
  };
  REQUIRE(check_growing_audit(*world.store, world.keys, grow));
  CHECK(entries == 60);
  CHECK(world.found().empty());
  CHECK(world.report().first > 60);
  // A place that moves on before the first entry is looked at.
  World other(keys_of(kText), 60);
  other.limits.bytes_max = 1'200;
  REQUIRE(other.open());
  entries = 0;
  const auto remove = [&] {
    if (++entries == 1) other.change();
    return true;
  };
  CHECK(*check_growing_audit(*other.store, other.keys, remove) == 44);
  // All that there was is gone then.
  entries = 0;
  const auto remove_all = [&] {
    if (++entries == 1) {
      for (int i = 0; i < 50; ++i) other.change();
    }
    return true;
  };
  CHECK(check_growing_audit(*other.store, other.keys, remove_all));
  other.put(other.report().last, "{}");
  CHECK_FALSE(check_growing_audit(*other.store, other.keys, [] { return true; }));
}

TEST_CASE("audit watch: one that ends does not go through the rest of the log") {
  World world(keys_of(kText), 60);
  int entries = 0;
  const auto stops = [&] { return ++entries < 10; };
  const Result<std::uint64_t> checked = check_growing_audit(*world.store, world.keys, stops);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == Errc::kStopped);
  CHECK(entries == 10);
}
}  // namespace tocsin::api
