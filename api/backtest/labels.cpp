#include "api/backtest/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "runtime/io/byte_source.h"

namespace tocsin::api {
namespace {
using nlohmann::json;

constexpr const char* kForms =
    R"(a label is {"events":["ID",…]}, {"event":"ID"} or {"key":{"NAME":"VALUE"},"first_ts":TIME,"last_ts":TIME}, with "label":"fraud" or "ok")";

Result<std::string> read_all(const std::string& path) {
  const Result<std::unique_ptr<runtime::ByteSource>> bytes = runtime::open_source(path);
  if (!bytes) return tl::unexpected(bytes.error());
  std::string text;
  std::string block(64 * 1024, '\0');
  for (;;) {
    const Result<std::size_t> count = (*bytes)->read(block.data(), block.size());
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) return text;
    text.append(block, 0, *count);
  }
}

// An id as an alert shows it; nothing for what is none.
std::optional<std::string> id_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  return std::nullopt;
}

// Microseconds, or RFC 3339.
std::optional<cep::EventTime> time_of(const json& value) {
  if (value.is_number_integer()) return cep::EventTime{value.get<std::int64_t>()};
  if (value.is_string()) return cep::parse_time(value.get<std::string>());
  return std::nullopt;
}

// One line as it was read: what is wrong with it, or its parts.
struct LabelLine {
  LabelledCase labelled;
  std::vector<std::string> events;
  std::optional<std::uint64_t> key;
};

// Reads `first_ts` and `last_ts` where they are; false for what is no time.
bool read_times(const json& object, LabelledCase& labelled) {
  for (const auto& [name, place] :
       {std::pair{"first_ts", &labelled.first}, std::pair{"last_ts", &labelled.last}}) {
    const auto found = object.find(name);
    if (found == object.end()) continue;
    *place = time_of(*found);
    if (!*place) return false;
  }
  return true;
}

Result<LabelLine> read_line(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(Errc::kInvalidArgument, "this is no JSON object");
  LabelLine line;
  if (const auto label = object.find("label"); label != object.end()) {
    if (*label != "fraud" && *label != "ok") {
      return fail(Errc::kInvalidArgument, "`label` is \"fraud\" or \"ok\", not " + label->dump());
    }
    line.labelled.is_fraud = *label == "fraud";
  }
  if (const auto scenario = object.find("scenario"); scenario != object.end()) {
    if (!scenario->is_string()) return fail(Errc::kInvalidArgument, "`scenario` is no text");
    line.labelled.scenario = scenario->get<std::string>();
  }
  if (!read_times(object, line.labelled)) {
    return fail(Errc::kInvalidArgument,
                "`first_ts` and `last_ts` are microseconds since the epoch, or texts such as "
                "\"2026-03-02T12:00:00Z\"");
  }
  json events = object.value("events", json::array());
  if (const auto event = object.find("event"); event != object.end()) events.push_back(*event);
  for (const json& event : events) {
    const std::optional<std::string> id = id_text(event);
    if (!id)
      return fail(Errc::kInvalidArgument, "an event is named by its id, not " + event.dump());
    line.events.push_back(*id);
  }
  if (!line.events.empty()) return line;
  const auto key = object.find("key");
  if (key == object.end() || !key->is_object() || !line.labelled.first || !line.labelled.last) {
    return fail(Errc::kInvalidArgument, "it names neither events nor a key with its times");
  }
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& [name, value] : key->items()) {
    std::string shown;
    if (value.is_string()) {
      cep::append_json_string(shown, value.get<std::string>());
    } else {
      shown = value.dump();
    }
    parts.emplace_back(name, std::move(shown));
  }
  line.key = key_digest(std::move(parts));
  return line;
}

std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}
}  // namespace

Result<Labels> Labels::read(const std::string& path) {
  const Result<std::string> text = read_all(path);
  if (!text) return tl::unexpected(text.error());
  return parse(*text, path);
}

Result<Labels> Labels::parse(std::string_view text, const std::string& name) {
  Labels labels;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view written = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (written.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<LabelLine> line = read_line(written);
    if (!line) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("{}:{}: {}\n{}", name, number, line.error().message, kForms));
    }
    const auto which = static_cast<std::uint32_t>(labels.cases_.size());
    labels.cases_.push_back(std::move(line->labelled));
    for (const std::string& event : line->events) labels.by_event_.emplace(digest_of(event), which);
    if (line->key) labels.by_key_.emplace(*line->key, which);
  }
  if (labels.cases_.empty()) {
    return fail(Errc::kInvalidArgument, fmt::format("{} has no label\n{}", name, kForms));
  }
  return labels;
}

void Labels::find(const cep::Alert& alert, const AlertFacts& facts,
                  std::vector<std::uint32_t>& found) const {
  const std::size_t before = found.size();
  if (!by_event_.empty()) {
    for (const cep::BoundEvent& event : alert.events) {
      const auto [begin, end] = by_event_.equal_range(digest_of(event.id));
      for (auto one = begin; one != end; ++one) found.push_back(one->second);
    }
  }
  if (!by_key_.empty()) {
    const auto [begin, end] = by_key_.equal_range(facts.key);
    for (auto one = begin; one != end; ++one) {
      const LabelledCase& labelled = cases_[one->second];
      if (*labelled.first <= alert.ts && alert.ts <= *labelled.last) found.push_back(one->second);
    }
  }
  const auto begin = found.begin() + static_cast<std::ptrdiff_t>(before);
  std::sort(begin, found.end());
  found.erase(std::unique(begin, found.end()), found.end());
}

std::optional<double> LabelCounts::precision() const {
  return ratio(fraud, fraud + ok + unlabelled);
}
std::optional<double> LabelCounts::recall() const { return ratio(found, frauds); }

bool LabelTally::add(const Labels& labels, const std::vector<std::uint32_t>& found,
                     cep::EventTime at) {
  bool any_fraud = false;
  for (const std::uint32_t which : found) {
    if (!labels.cases()[which].is_fraud) continue;
    any_fraud = true;
    if (found_at_.empty()) found_at_.resize(labels.cases().size(), kNever);
    found_at_[which] = std::min(found_at_[which], at);
  }
  ++(any_fraud ? counts_.fraud : found.empty() ? counts_.unlabelled : counts_.ok);
  return any_fraud;
}

LabelCounts LabelTally::counts(const Labels& labels, cep::EventTime first,
                               cep::EventTime last) const {
  LabelCounts counts = counts_;
  std::vector<cep::Duration> delays;
  for (std::uint32_t i = 0; i < labels.cases().size(); ++i) {
    const LabelledCase& labelled = labels.cases()[i];
    if (!labelled.is_fraud) continue;
    if (has_found(i)) ++counts.found;
    // An alert may be of an event before what the label says.
    if (has_found(i) && labelled.first)
      delays.push_back(std::max(cep::Duration{}, found_at_[i] - *labelled.first));
    if (has_found(i) || is_within(labelled, first, last)) ++counts.frauds;
  }
  if (delays.empty()) return counts;
  std::ranges::sort(delays);
  counts.delays = delays.size();
  counts.delay_half = delays[(delays.size() - 1) / 2];
  counts.delay_most = delays.back();
  return counts;
}

bool is_within(const LabelledCase& labelled, cep::EventTime first, cep::EventTime last) {
  return !(labelled.first && *labelled.first > last) && !(labelled.last && *labelled.last < first);
}
}  // namespace tocsin::api
