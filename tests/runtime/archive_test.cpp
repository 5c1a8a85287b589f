// The archive: what is written is read again, and a question finds all that it asks for.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "runtime/archive/archive_format.h"
#include "runtime/archive/archive_lines.h"
#include "runtime/archive/key_filter.h"
#include "tests/runtime/archive_world.h"

namespace tocsin::runtime {
namespace {
using tests::Archived;
using tests::ArchivedEvent;
using tests::ArchiveWorld;
using tests::Random;

using Found = std::map<std::uint64_t, std::string>;  // bodies by sequence
Result<Found> read_once(ArchiveWorld& world, const ArchiveQuestion& question,
                        ArchiveFigures* figures, std::vector<ArchiveGap>* gaps) {
  Result<ArchiveReader> reader =
      ArchiveReader::open(world.files, ArchiveWorld::kArchive, ArchiveWorld::kJournal, question);
  if (!reader) return tl::unexpected(reader.error());
  Found found;
  for (;;) {
    const Result<std::optional<ArchivedRecord>> record = reader->next();
    if (!record) return tl::unexpected(record.error());
    if (!*record) break;
    CHECK_MESSAGE((found.empty() || found.rbegin()->first < (*record)->sequence), "in order");
    found[(*record)->sequence] = tests::body_of((*record)->record);
  }
  if (figures != nullptr) *figures = reader->figures();
  if (gaps != nullptr) *gaps = reader->gaps();
  return found;
}

// Blocks that are read ahead are the same.
Result<Found> read_all(ArchiveWorld& world, const ArchiveQuestion& question,
                       ArchiveFigures* figures = nullptr, std::vector<ArchiveGap>* gaps = nullptr) {
  ArchiveQuestion ahead = question;
  ahead.reads_ahead = true;
  ArchiveFigures of_ahead;
  const Result<Found> found_ahead = read_once(world, ahead, &of_ahead, nullptr);
  ArchiveFigures of_found;
  Result<Found> found = read_once(world, question, &of_found, gaps);
  REQUIRE(found.has_value() == found_ahead.has_value());
  if (found) {
    CHECK(*found == *found_ahead);
    CHECK(of_found.blocks_read == of_ahead.blocks_read);
  } else {
    CHECK(found.error().message == found_ahead.error().message);
  }
  if (figures != nullptr) *figures = of_found;
  return found;
}

// Archives what is on disk, in files of a few records, but for the last `keep` records.
void archive_some(Random& random, ArchiveWorld& world, std::uint64_t keep) {
  REQUIRE(world.files.make_directory(ArchiveWorld::kArchive));
  ArchiveWriterOptions options;
  options.block_bytes = 100 + random.below(3000);
  std::uint64_t first = 1;
  const std::uint64_t last =
      world.log->durable_end() - std::min(keep, world.log->durable_end() - 1);
  while (first < last) {
    const std::uint64_t end = std::min(last, first + 1 + random.below(60));
    const Result<ArchiveFile> made =
        write_archive(world.files, ArchiveWorld::kJournal, first, end, ArchiveWorld::kArchive, {1},
                      world.program, options);
    REQUIRE_MESSAGE(made, made.error().message);
    CHECK(made->header.first_sequence == first);
    CHECK(made->footer.end_sequence == end);
    std::uint64_t events = 0;
    TimeSpan taken;
    TimeSpan times;
    for (std::uint64_t s = first; s < end; ++s) {
      const Archived& record = world.all[s - 1];
      events += record.events.size();
      if (record.taken) taken.add(*record.taken);
      for (const ArchivedEvent& event : record.events) times.add(event.time);
    }
    CHECK(made->footer.events == events);
    CHECK(made->footer.taken == taken);
    CHECK(made->footer.times == times);
    first = end;
  }
  world.log->release_before(last);
}

ArchiveQuestion random_question(Random& random, const ArchiveWorld& world) {
  ArchiveQuestion question;
  const auto span = [&](bool is_taken) {
    TimeSpan wanted;
    const Archived& record = random.pick(world.all);
    if (is_taken && record.taken) wanted.add(*record.taken);
    if (!is_taken && !record.events.empty()) wanted.add(record.events[0].time);
    if (!wanted.is_empty() && random.chance(70)) wanted.last.us += random.between(0, 9'000'000);
    return wanted;
  };
  if (random.chance(40)) question.taken = span(true);
  if (random.chance(40)) question.times = span(false);
  if (random.chance(60)) {
    const std::string card = fmt::format("c{}", random.below(70));
    question.readings = ArchiveKeys(world.program).readings();
    question.keys.push_back(ArchiveWorld::digest_of({cep::Value::string(card)}));
  }
  return question;
}

// An event of the record has the key asked for, and one has the time.
bool has(const Archived& record, const ArchiveQuestion& question) {
  if (question.taken && !(record.taken && question.taken->has(*record.taken))) return false;
  const auto in_time = [&](const ArchivedEvent& event) { return question.times->has(event.time); };
  if (question.times && std::ranges::none_of(record.events, in_time)) return false;
  const auto of_key = [&](const ArchivedEvent& event) {
    return ArchiveWorld::digest_of({cep::Value::string(event.card)}) == question.keys[0];
  };
  return question.keys.empty() || std::ranges::any_of(record.events, of_key);
}

std::string shown(std::uint64_t record, std::uint32_t index, std::string_view text) {
  return fmt::format("{}:{} {}", record, index, text);
}
}  // namespace

TEST_CASE("archive: all records are read again, from it and from the journal") {
  std::uint64_t passed = 0;
  std::uint64_t read = 0;
  tests::for_all_seeds("archive", 60, [&](Random& random) {
    ArchiveWorld world(random);
    const std::size_t count = 1 + random.below(400);
    while (world.all.size() < count) REQUIRE(world.append());
    REQUIRE(world.log->commit());
    const std::uint64_t keep = random.chance(50) ? 0 : random.below(count);
    archive_some(random, world, keep);
    std::vector<ArchiveGap> gaps;
    const Result<Found> all = read_all(world, {}, nullptr, &gaps);
    REQUIRE_MESSAGE(all, all.error().message);
    REQUIRE(all->size() == world.all.size());
    CHECK(gaps.empty());
    for (const auto& [sequence, body] : *all) REQUIRE(body == world.all[sequence - 1].body);

    for (int i = 0; i < 10; ++i) {
      const ArchiveQuestion question = random_question(random, world);
      ArchiveFigures figures;
      const Result<Found> found = read_all(world, question, &figures);
      REQUIRE_MESSAGE(found, found.error().message);
      for (std::size_t s = 1; s <= world.all.size(); ++s) {
        if (has(world.all[s - 1], question)) REQUIRE(found->contains(s));
      }
      for (const auto& [sequence, body] : *found) REQUIRE(body == world.all[sequence - 1].body);
      CHECK(figures.files_read_whole == 0);
      passed += figures.blocks_passed;
      read += figures.blocks_read;
    }
  });
  CHECK(passed > read / 2);
}

TEST_CASE("archive: between the first file and the last of a time nothing is passed over") {
  std::size_t passed = 0;
  tests::for_all_seeds("archive", 40, [&](Random& random) {
    ArchiveWorld world(random);
    const std::size_t count = 1 + random.below(400);
    while (world.all.size() < count) REQUIRE(world.append());
    REQUIRE(world.log->commit());
    archive_some(random, world, random.below(count));
    const ArchiveKeys keys(world.program);
    for (int i = 0; i < 10; ++i) {
      ArchiveQuestion question;
      question.times.emplace();
      for (const ArchivedEvent& event : random.pick(world.all).events) {
        question.times->add(event.time);
      }
      question.readings = keys.time_readings();
      question.time_readings = runtime::digest_of(question.readings);
      question.keeps_between = true;
      const Result<Found> found = read_all(world, question);
      REQUIRE_MESSAGE(found, found.error().message);
      std::size_t first = 0;
      std::size_t last = 0;
      for (std::size_t s = 1; s <= world.all.size(); ++s) {
        if (!has(world.all[s - 1], question)) continue;
        if (first == 0) first = s;
        last = s;
      }
      for (std::size_t s = first; s != 0 && s <= last; ++s) REQUIRE(found->contains(s));
      passed += world.all.size() - found->size();
    }
  });
  CHECK(passed > 1000);
}

namespace {
struct Asked {
  LineQuestion question;
  std::optional<std::string> card;  // of the key
  std::optional<std::int64_t> shop;
};
Asked random_lines(Random& random, const ArchiveWorld& world, const cep::Program& program) {
  const ArchiveQuestion base = random_question(random, world);
  Asked asked{{base.taken, base.times, {}}, std::nullopt, std::nullopt};
  if (random.chance(40)) return asked;
  asked.card = fmt::format("c{}", random.below(62));
  std::vector<std::pair<std::string, std::string>> key{{"card", *asked.card}};
  if (random.chance(50)) {
    asked.shop = random.between(-2, 5);
    key.emplace_back("shop", fmt::format("{}", *asked.shop));
  }
  const auto queries = cep::find_keys(program, key);
  REQUIRE_MESSAGE(queries, queries.error().message);
  asked.question.keys = *queries;
  return asked;
}

std::vector<std::string> expected_lines(const ArchiveWorld& world, const Asked& asked,
                                        bool with_others) {
  const LineQuestion& question = asked.question;
  std::vector<std::string> expected;
  for (std::size_t s = 0; s < world.all.size(); ++s) {
    const Archived& record = world.all[s];
    if (question.taken && !(record.taken && question.taken->has(*record.taken))) continue;
    if (!question.is_of_events()) {
      for (std::uint32_t l = 0; l < record.lines.size(); ++l) {
        expected.push_back(shown(s + 1, l, record.lines[l]));
      }
      continue;
    }
    std::vector<ArchivedEvent> events = record.events;
    if (with_others) events.insert(events.end(), record.others.begin(), record.others.end());
    std::ranges::sort(events, {}, &ArchivedEvent::line);
    for (const ArchivedEvent& event : events) {
      if (question.times && !question.times->has(event.time)) continue;
      if (asked.card && event.card != *asked.card) continue;
      if (asked.shop && event.shop != *asked.shop) continue;
      expected.push_back(shown(s + 1, event.line, event.text));
    }
  }
  return expected;
}

struct FoundLines {
  std::vector<std::string> lines;
  ArchiveFigures figures;
};
FoundLines find_lines(ArchiveWorld& world, const cep::Program& program,
                      const LineQuestion& question) {
  const auto lines = ArchiveLines::open(world.files, ArchiveWorld::kArchive, ArchiveWorld::kJournal,
                                        program, question);
  REQUIRE_MESSAGE(lines, lines.error().message);
  FoundLines found;
  for (;;) {
    const Result<std::optional<ArchivedLine>> line = (*lines)->next();
    REQUIRE_MESSAGE(line, line.error().message);
    if (!*line) break;
    if (world.all[(*line)->arrival.record - 1].lines.empty()) continue;  // of RandomRecords
    found.lines.push_back(shown((*line)->arrival.record, (*line)->arrival.index, (*line)->text));
  }
  found.figures = (*lines)->reader().figures();
  return found;
}
}  // namespace

TEST_CASE("archive: lines are found by time and by key, exactly") {
  std::size_t lines_found = 0;
  tests::for_all_seeds("archive", 40, [&](Random& random) {
    ArchiveWorld world(random);
    const std::size_t count = 1 + random.below(300);
    while (world.all.size() < count) REQUIRE(world.append());
    REQUIRE(world.log->commit());
    archive_some(random, world, random.below(count));
    for (int i = 0; i < 10; ++i) {
      const Asked asked = random_lines(random, world, world.program);
      const FoundLines found = find_lines(world, world.program, asked.question);
      REQUIRE(found.lines == expected_lines(world, asked, false));
      CHECK(found.figures.files_read_whole == 0);
      lines_found += found.lines.size();
    }
  });
  CHECK(lines_found > 1000);
}

TEST_CASE("archive: rules that came later find events that were of no type before") {
  std::uint64_t passed = 0;
  const cep::Program later =
      ArchiveWorld::program_of(std::string(tests::kArchivedRules) + tests::kLaterRules);
  tests::for_all_seeds("archive", 40, [&](Random& random) {
    ArchiveWorld world(random);
    const std::size_t count = 1 + random.below(300);
    while (world.all.size() < count) REQUIRE(world.append());
    REQUIRE(world.log->commit());
    archive_some(random, world, random.below(count));
    for (int i = 0; i < 10; ++i) {
      const Asked asked = random_lines(random, world, later);
      const FoundLines found = find_lines(world, later, asked.question);
      REQUIRE(found.lines == expected_lines(world, asked, true));
      CHECK(found.figures.files_read_whole == 0);
      passed += found.figures.blocks_passed;
    }
    // A key that no rule had is looked for everywhere.
    const std::int64_t shop = random.between(-2, 5);
    const auto queries = cep::find_keys(later, {{"shop", fmt::format("{}", shop)}});
    REQUIRE(queries);
    const Asked asked{{std::nullopt, std::nullopt, *queries}, std::nullopt, shop};
    const FoundLines found = find_lines(world, later, asked.question);
    REQUIRE(found.lines == expected_lines(world, asked, true));
    CHECK(found.figures.files_read_whole == found.figures.files_read);
  });
  CHECK(passed > 0);
}

TEST_CASE("archive: a byte that has rotted is seen") {
  Random random(11);
  ArchiveWorld world(random);
  while (world.all.size() < 12) REQUIRE(world.append());
  REQUIRE(world.log->commit());
  archive_some(random, world, 0);
  const Result<Found> whole = read_all(world, {});
  REQUIRE(whole);
  std::size_t damaged = 0;
  for (const std::string& path : world.files.paths()) {
    if (!path.starts_with(ArchiveWorld::kArchive)) continue;
    const std::size_t size = world.files.contents(path).size();
    for (std::size_t at = 0; at < size; ++at) {
      world.files.flip(path, at, 0x10);
      const Result<ArchiveDirectory> survey = survey_archive(world.files, ArchiveWorld::kArchive);
      const Result<Found> found = read_all(world, {});
      if (!survey || !survey->damaged.empty() || !found) {
        ++damaged;
      } else {
        CHECK_MESSAGE(*found == *whole, path, " at ", at);
      }
      world.files.flip(path, at, 0x10);
    }
  }
  CHECK(damaged > 500);
}

TEST_CASE("archive: a crash leaves a whole file or none") {
  for (std::uint64_t crash_at = 0;; ++crash_at) {
    Random random(3);
    ArchiveWorld world(random);
    while (world.all.size() < 60) REQUIRE(world.append());
    REQUIRE(world.log->commit());
    REQUIRE(world.files.make_directory(ArchiveWorld::kArchive));
    REQUIRE(world.files.sync_directory("data"));
    const std::uint64_t begin = world.files.operations();
    world.files.fault = [&](std::uint64_t number, tests::FileOperation, const std::string&) {
      return number == begin + crash_at ? tests::Fault::kCrash : tests::Fault::kNone;
    };
    ArchiveWriterOptions options;
    options.block_bytes = 500;
    const Result<ArchiveFile> made =
        write_archive(world.files, ArchiveWorld::kJournal, 1, 61, ArchiveWorld::kArchive, {1},
                      world.program, options);
    world.files.fault = {};
    if (made) break;
    REQUIRE(world.files.crashed());
    world.files.cut_power();
    const Result<ArchiveDirectory> survey = survey_archive(world.files, ArchiveWorld::kArchive);
    REQUIRE(survey);
    CHECK(survey->damaged.empty());
    const Result<Found> found = read_all(world, {});
    REQUIRE(found);
    CHECK(found->size() == 60);
    if (survey->files.empty()) {
      REQUIRE(write_archive(world.files, ArchiveWorld::kJournal, 1, 61, ArchiveWorld::kArchive, {1},
                            world.program, options));
    }
  }
}

TEST_CASE("archive: the filter finds every key, and little else") {
  std::size_t wrong = 0;
  std::size_t asked = 0;
  tests::for_all_seeds("archive", 40, [&](Random& random) {
    std::vector<std::vector<std::uint64_t>> keys(random.below(40));
    for (std::vector<std::uint64_t>& of_block : keys) {
      of_block.resize(random.below(200));
      for (std::uint64_t& digest : of_block) digest = random.next();
    }
    const KeyFilter made(keys);
    const KeyFilter filter(keys.size(), made.rows(), made.bits());
    for (std::size_t block = 0; block < keys.size(); ++block) {
      for (const std::uint64_t digest : keys[block]) {
        REQUIRE(std::ranges::count(filter.blocks_of(digest), block) == 1);
      }
    }
    for (int i = 0; i < 100; ++i) {
      wrong += filter.blocks_of(random.next()).size();
      asked += keys.size();
    }
  });
  CHECK(wrong < asked / 50);
}

TEST_CASE("archive: a block with many keys does not make the filter large") {
  Random random(1);
  std::vector<std::vector<std::uint64_t>> keys(200);
  std::size_t all = 0;
  for (std::size_t block = 0; block < keys.size(); ++block) {
    keys[block].resize(block == 100 ? 100'000 : 500);
    for (std::uint64_t& digest : keys[block]) digest = random.next();
    all += keys[block].size();
  }
  const KeyFilter filter(keys);
  CHECK(filter.bits().size() <= all * KeyFilter::kBitsPerKey * KeyFilter::kTimesMean / 8 * 2);
  std::size_t found = 0;
  for (int i = 0; i < 1000; ++i) found += filter.blocks_of(random.next()).size();
  CHECK(found < 2000);  // the large one, and about none beside it
  for (const std::uint64_t digest : keys[7]) {
    REQUIRE(std::ranges::count(filter.blocks_of(digest), 7U) == 1);
  }
}
}  // namespace tocsin::runtime
