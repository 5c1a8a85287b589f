// What the crash tests need to know and no program under test should tell them.
//
//   crash_oracle make SEED FOLDER [serve]
//     Makes a random rule pack and a stream for it, on which its rules alert: FOLDER/rules.tocsin,
//     FOLDER/events.ndjson, and FOLDER/options with the options for `tocsin run`, one a line.
//     `serve`: no rule reads all alerts of others, and FOLDER/times has the least and the greatest
//     event time in us.
//   crash_oracle expect JOURNAL OUT [--out-of-orderness US] [--late-policy side|clamp] [--sent
//   FILE] [--late-max US] [--until-watermark]
//                RULES…
//     Reads the journal's records and gives the alerts that the rules raise on them by definition,
//     up to the end of time, or to where the journal brought it: OUT/alerts.ndjson; OUT/lines-N
//     with the lines of the N-th source, in the order of OUT/sources, and OUT/judged-N with what
//     became of each: a word (blank, accepted, duplicate, clamped, late, ignored, invalid), how
//     late in us, and the reason or the type that is ignored (in hex); and in OUT/late and OUT/dead
//     what is set aside, a line each: RECORD:INDEX, source, line, how late in us, why it is dead
//     (in hex), the record that put it in again or 0, and the text (in hex), with tabs between.
//     RECORD is 0 where the journal no longer has it. --sent: all lines of standard input, for a
//     journal that has let go of its beginning. Prints what it found as one JSON object.
// What tests share has checks in it.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/value/identity.h"
#include "rules/context/rules.h"
#include "runtime/archive/archive_reader.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/system_files.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/journal/prefix_digest.h"
#include "runtime/node/node_commands.h"
#include "runtime/node/reinjection.h"
#include "tests/crash/moments.h"
#include "tests/support/arrivals.h"
#include "tests/support/event_json.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"

namespace tocsin {
namespace {
namespace fs = std::filesystem;

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "crash_oracle: %s\n", message.c_str());
  std::exit(1);
}

void write_file(const fs::path& path, std::string_view contents) {
  std::ofstream out(path, std::ios::binary);
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  if (!out.flush()) die("cannot write " + path.string());
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "there is no such file");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string read_or_die(const std::string& path) {
  Result<std::string> text = read_text(path);
  if (!text) die(path + ": " + text.error().message);
  return *std::move(text);
}

std::vector<std::string_view> lines_of(std::string_view bytes) {
  std::vector<std::string_view> lines;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    lines.push_back(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  return lines;
}

// --- make ----------------------------------------------------------------------------------------

// Lines that are no events, here and there.
std::string with_garbage(tests::Random& random, const std::string& lines) {
  std::string out;
  for (const std::string_view line : lines_of(lines)) {
    if (random.chance(2)) {
      out += random.pick({"not an event", "{\"type\":", "", "[]", "{\"ts\":1}", "\xff\xfe"});
      out += '\n';
    }
    out += line;
    out += '\n';
  }
  return out;
}

bool make(std::uint64_t seed, const fs::path& folder, bool is_served) {
  tests::Random random(seed);
  const bool whole = random.chance(60);
  const cep::Plan plan =
      whole ? tests::random_language_plan(random) : tests::random_plan(random, {.rules_max = 4});
  if (whole && !tests::unsayable(plan).empty()) return false;
  const bool reads_all = std::ranges::any_of(
      plan.event_types, [](const cep::EventType& type) { return !type.any_alert_of.empty(); });
  if (is_served && reads_all) return false;
  const std::string text = tests::plan_source(plan);
  const rules::Loaded loaded = rules::load(
      {"rules.tocsin"}, [&](const std::string&) -> Result<std::string> { return text; });
  if (!loaded.rules || !cep::compile(loaded.rules->plan, {})) return false;
  const std::vector<oracle::Event> events = tests::random_events(
      random, plan,
      {.count_min = 120, .count_max = 400, .crowds = 0, .disorder = random.chance(60)});
  const std::string lines = with_garbage(random, tests::event_lines(random, plan, events));
  oracle::ArrivalOptions options;
  std::string said;
  if (random.chance(50)) {
    options.bound = cep::Duration{1'000'000 * random.between(0, 5)};
    said += fmt::format("--out-of-orderness\n{}s\n", options.bound->us / 1'000'000);
  }
  if (random.chance(50)) {
    options.late = oracle::Late::kClamp;
    said += "--late-policy\nclamp\n";
  }
  oracle::Arrivals arrivals(*loaded.rules->plan, options);
  for (const std::string_view line : lines_of(lines)) arrivals.line("-", line, {}, {});
  oracle::Options limits;
  limits.work_max = 30'000;
  const auto outcome = oracle::evaluate(*loaded.rules->plan, arrivals.placed(), limits);
  if (!outcome || outcome->alerts.size() < 5) return false;
  write_file(folder / "rules.tocsin", text);
  write_file(folder / "events.ndjson", lines);
  write_file(folder / "options", said);
  if (is_served) {
    const auto [first, last] = std::ranges::minmax_element(events, {}, &oracle::Event::ts);
    write_file(folder / "times", fmt::format("{}\n{}\n", first->ts.us, last->ts.us));
  }
  return true;
}

int make_some(std::uint64_t seed, const fs::path& folder, bool is_served) {
  tests::Random random(seed);
  for (int tries = 0; tries < 2000; ++tries) {
    if (make(random.next(), folder, is_served)) return 0;
  }
  die("no seed gives a world with alerts");
}

// --- expect --------------------------------------------------------------------------------------

struct Expectation {
  std::string journal;
  fs::path out;
  oracle::ArrivalOptions options;
  std::string sent;
  bool until_watermark = false;
  std::vector<std::string> rules;
};

// All that an input holds, unpacked.
std::string read_input(const std::string& name) {
  Result<std::unique_ptr<runtime::ByteSource>> source = runtime::open_source(name);
  if (!source) die(source.error().message);
  std::string all;
  std::string buffer(1 << 16, '\0');
  for (;;) {
    const Result<std::size_t> count = (*source)->read(buffer.data(), buffer.size());
    if (!count) die(count.error().message);
    if (*count == 0) return all;
    all.append(buffer, 0, *count);
  }
}

class Expecting {
 public:
  Expecting(const cep::Plan& plan, const Expectation& what)
      : what_(what), arrivals_(plan, what.options), moments_(plan, blobs()) {}

  void take(const runtime::ArchivedRecord& entry) {
    ++records_;
    if (const auto* value = std::get_if<runtime::ArrivalByValue>(&entry.record)) {
      check_offset(*value);
      add(std::string(value->source), value->bytes, entry.sequence, value->taken_at);
    } else if (const auto* position = std::get_if<runtime::ArrivalByPosition>(&entry.record)) {
      check_offset(*position);
      add(std::string(position->source), bytes_at(*position), entry.sequence, position->taken_at);
    } else if (const auto* decision = std::get_if<runtime::Decision>(&entry.record)) {
      arrivals_.decide(*decision);
      ++decisions_;
    } else if (const auto* command = std::get_if<runtime::Command>(&entry.record)) {
      if (command->name == runtime::kSettleCommand || command->name == runtime::kEndTimeCommand) {
        arrivals_.settle();
      }
      if (command->name == runtime::kReinjectCommand) put_in_again(*command, entry.sequence);
      moments_.take(*command, arrivals_.taken());
      commands_ += fmt::format("{}\"{}\"", commands_.empty() ? "" : ",", command->name);
    }
  }

  const oracle::Arrivals& arrivals() const { return arrivals_; }
  const Moments& moments() const { return moments_; }
  std::string facts() const {
    return fmt::format(
        "\"records\":{},\"decisions\":{},\"reinjected\":{},\"changes\":{},\"commands\":[{}]",
        records_, decisions_, reinjected_, moments_.changes(), commands_);
  }

 private:
  fs::path blobs() const { return fs::path(what_.journal).parent_path() / "blobs"; }

  // The bytes that a record by position stands for.
  std::string_view bytes_at(const runtime::ArrivalByPosition& record) {
    const std::string name(record.source);
    const auto [input, is_new] = inputs_.try_emplace(name);
    if (is_new) input->second.all = read_input(name);
    const std::string_view all = input->second.all;
    if (all.size() < record.next_offset) die(fmt::format("{} is too short", name));
    const std::string_view bytes =
        all.substr(static_cast<std::size_t>(record.first_offset),
                   static_cast<std::size_t>(record.next_offset - record.first_offset));
    // Their digest is that of all that was taken until then.
    runtime::PrefixDigest& taken = input->second.taken;
    if (taken.bytes() > record.next_offset) taken = {};
    const auto known = static_cast<std::size_t>(taken.bytes());
    taken.add(all.substr(known, static_cast<std::size_t>(record.next_offset) - known));
    if (taken.digest() != record.digest) {
      die(fmt::format("{} has other bytes at {}", name, record.first_offset));
    }
    return bytes;
  }

  // A source goes on where it was; a journal may have let go of its beginning.
  template <typename Record>
  void check_offset(const Record& record) {
    const std::string name(record.source);
    const auto known = next_offset_.find(name);
    if (known == next_offset_.end() && record.first_offset != 0) {
      if (what_.sent.empty())
        die(fmt::format("the journal begins {} at {}", name, record.first_offset));
      const std::string sent = read_or_die(what_.sent);
      const std::vector<std::string_view> all = lines_of(sent);
      if (all.size() < record.first_offset) die("more was journaled than sent");
      for (std::size_t i = 0; i < record.first_offset; ++i) {
        arrivals_.line(name, all[i], {0, static_cast<std::uint32_t>(i), 0}, record.taken_at);
      }
    } else if (known != next_offset_.end() && record.first_offset != known->second) {
      die(fmt::format("{} goes on at {} where {} is next", name, record.first_offset,
                      known->second));
    }
    next_offset_[name] = record.next_offset;
  }

  void add(const std::string& source, std::string_view bytes, std::uint64_t sequence,
           cep::EventTime taken_at) {
    std::uint32_t index = 0;
    for (const std::string_view line : lines_of(bytes)) {
      arrivals_.line(source, line, {sequence, index, 0}, taken_at);
      // Blank lines have a number in their source and none here.
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) ++index;
    }
  }

  // The lines come as a source of their own, which is there for them alone.
  void put_in_again(const runtime::Command& command, std::uint64_t sequence) {
    const auto reinjection = runtime::read_reinjection(command.arguments);
    if (!reinjection || command.blobs.size() != 1) die("a re-injection is damaged");
    const bool is_late = reinjection->kind == runtime::SideOutputKind::kLate;
    const std::string lines =
        read_or_die((blobs() / cep::hex(command.blobs.front().digest)).string());
    if (lines_of(lines).size() != reinjection->rows.size()) die("a re-injection has other lines");
    const std::string name =
        fmt::format("{} put in again by record {}", is_late ? "late events" : "lines", sequence);
    if (is_late) arrivals_.clamp(name);
    add(name, lines, sequence, command.given_at);
    arrivals_.decide({runtime::DecisionKind::kEnded, command.given_at, name});
    for (const runtime::Reinjection::Row& row : reinjection->rows) {
      if (arrivals_.put_in_again(is_late, row.arrival, sequence)) continue;
      die(fmt::format("record {} puts in again what was not set aside, or was put in again: {}:{}",
                      sequence, row.arrival.record, row.arrival.index));
    }
    reinjected_ += reinjection->rows.size();
  }

  const Expectation& what_;
  oracle::Arrivals arrivals_;
  Moments moments_;
  std::map<std::string, std::uint64_t> next_offset_;
  struct Input {
    std::string all;
    runtime::PrefixDigest taken;
  };
  std::map<std::string, Input> inputs_;  // that were read
  std::uint64_t records_ = 0;
  std::uint64_t decisions_ = 0;
  std::uint64_t reinjected_ = 0;
  std::string commands_;
};

std::string hex_of(std::string_view text) {
  std::string out;
  for (const char byte : text) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

std::string side_output_text(const std::vector<oracle::SetSideOutput>& lines) {
  std::string out;
  for (const oracle::SetSideOutput& line : lines) {
    out += fmt::format("{}:{}\t{}\t{}\t{}\t{}\t{}\t{}\n", line.arrival.record, line.arrival.index,
                       line.source, line.line, line.late_by.us, hex_of(line.reason),
                       line.reinjected_as, hex_of(line.text));
  }
  return out;
}

std::string judged_text(const std::vector<oracle::Judged>& lines,
                        const std::set<std::size_t>& kept) {
  using Fate = oracle::Judged::Fate;
  static const std::map<Fate, std::string> kWords = {
      {Fate::kBlank, "blank"}, {Fate::kAccepted, "accepted"}, {Fate::kClamped, "clamped"},
      {Fate::kLate, "late"},   {Fate::kIgnored, "ignored"},   {Fate::kDead, "invalid"}};
  std::string out;
  for (const oracle::Judged& line : lines) {
    const bool is_taken = line.fate == Fate::kAccepted || line.fate == Fate::kClamped;
    const bool is_repeat = is_taken && !kept.contains(line.placed);
    out += fmt::format("{}\t{}\t{}\n", is_repeat ? "duplicate" : kWords.at(line.fate),
                       is_repeat ? 0 : line.late_by.us, hex_of(line.reason));
  }
  return out;
}

int expect(const Expectation& what) {
  const rules::Loaded loaded = rules::load(what.rules, read_text);
  if (!loaded.rules) die("the rules do not check");
  const cep::Plan& plan = *loaded.rules->plan;
  runtime::SystemFiles files;
  const Result<runtime::JournalExtent> extent = runtime::verify_journal(files, what.journal);
  if (!extent) die(extent.error().message);
  // What the journal has let go of is in the archive, where there is one.
  const std::string archive = (fs::path(what.journal).parent_path() / "archive").string();
  Result<runtime::ArchiveReader> reader =
      runtime::ArchiveReader::open(files, archive, what.journal, {});
  if (!reader) die(reader.error().message);
  Expecting expecting(plan, what);
  std::optional<std::uint64_t> first_sequence;
  for (;;) {
    const Result<std::optional<runtime::ArchivedRecord>> entry = reader->next();
    if (!entry) die(entry.error().message);
    if (!*entry) break;
    if (!first_sequence) first_sequence = (*entry)->sequence;
    expecting.take(**entry);
  }
  for (const runtime::ArchiveGap& gap : reader->gaps()) {
    die(fmt::format("records {} to {} are neither in the archive nor in the journal", gap.first,
                    gap.end - 1));
  }
  const oracle::Arrivals& arrivals = expecting.arrivals();
  const std::vector<oracle::PlacedEvent> placed = arrivals.placed();
  const Moments::Outcome outcome = expecting.moments().evaluate(
      placed, arrivals.taken_before(),
      what.until_watermark ? arrivals.watermark() : cep::kEventTimeMax);
  std::string lines;
  for (const std::string& line : outcome.lines) lines += line + '\n';
  fs::create_directories(what.out);
  write_file(what.out / "alerts.ndjson", lines);
  write_file(what.out / "late", side_output_text(arrivals.late()));
  write_file(what.out / "dead", side_output_text(arrivals.dead()));
  std::set<std::size_t> kept;  // what `unique` dropped is not among them
  for (const oracle::PlacedEvent& event : placed) kept.insert(event.arrival);
  std::string sources;
  std::size_t number = 0;
  for (const auto& [name, all] : arrivals.lines()) {
    sources += name + '\n';
    std::string text;
    for (const std::string& line : all) text += line + '\n';
    write_file(what.out / fmt::format("lines-{}", number), text);
    write_file(what.out / fmt::format("judged-{}", number++),
               judged_text(arrivals.judged().at(name), kept));
  }
  write_file(what.out / "sources", sources);
  fmt::print(
      "{{\"by\":\"{}\",\"alerts\":{},\"events\":{},\"late\":{},\"dead\":{},\"clamped\":{},"
      "\"first_sequence\":{},\"next_sequence\":{},\"archived\":{},{}}}\n",
      outcome.by, outcome.lines.size(), placed.size(), arrivals.late().size(),
      arrivals.dead().size(), arrivals.clamped(), first_sequence.value_or(extent->first_sequence),
      extent->next_sequence, reader->directory().end_sequence() - 1, expecting.facts());
  return 0;
}

int main_of(const std::vector<std::string>& arguments) {
  const std::string usage =
      "usage: crash_oracle make SEED FOLDER [serve] | expect JOURNAL OUT [OPTION]… RULES…";
  if (arguments.size() >= 3 && arguments[0] == "make") {
    const bool is_served = arguments.size() == 4 && arguments[3] == "serve";
    return make_some(std::strtoull(arguments[1].c_str(), nullptr, 10), arguments[2], is_served);
  }
  if (arguments.size() < 4 || arguments[0] != "expect") die(usage);
  Expectation what;
  what.journal = arguments[1];
  what.out = arguments[2];
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!word.starts_with("--")) {
      what.rules.push_back(word);
      continue;
    }
    if (word == "--until-watermark") {
      what.until_watermark = true;
      continue;
    }
    if (i + 1 == arguments.size()) die(usage);
    const std::string& value = arguments[++i];
    if (word == "--out-of-orderness") {
      what.options.bound = cep::Duration{std::strtoll(value.c_str(), nullptr, 10)};
    } else if (word == "--late-policy") {
      what.options.late = value == "clamp" ? oracle::Late::kClamp : oracle::Late::kSide;
    } else if (word == "--late-max") {
      what.options.late_max = cep::Duration{std::strtoll(value.c_str(), nullptr, 10)};
    } else if (word == "--ahead-max") {
      what.options.ahead_max = cep::Duration{std::strtoll(value.c_str(), nullptr, 10)};
    } else if (word == "--jump-max") {
      what.options.jump_max = cep::Duration{std::strtoll(value.c_str(), nullptr, 10)};
    } else if (word == "--unknown-types") {
      what.options.ignores_unknown = value == "ignore";
    } else if (word == "--sent") {
      what.sent = value;
    } else {
      die(usage);
    }
  }
  return expect(what);
}
}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) { return tocsin::main_of({argv + 1, argv + argc}); }
