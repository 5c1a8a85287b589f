// Any bytes as the body of a request of events: NDJSON, a JSON array, CloudEvents in each of their
// forms, packed or not. What is taken is one line for each event; a CloudEvent's attributes are
// those of its envelope, whatever its data says; a packed body is what was packed; and what a body
// counts while it is unpacked is given back.
//
//   u8 form | u8 encoding | header lines, up to an empty one, where the form is binary | body
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/net/body_budget.h"
#include "api/node/event_body.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;
using nlohmann::json;
constexpr std::size_t kUnpackedMax = std::size_t{1} << 16;
constexpr std::size_t kBudget = std::size_t{16} << 20;

enum class Form { kLines, kJson, kCloudEvent, kCloudEvents, kBinary };
constexpr std::array kTypes = {"application/x-ndjson", "application/json",
                               "application/cloudevents+json", "application/cloudevents-batch+json",
                               "application/json"};
constexpr std::array kEncodings = {"", "gzip", "zstd", "br"};

// Takes header lines of a binary CloudEvent from the front of `bytes`.
void take_headers(std::string_view& bytes, RequestHead& head) {
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
    if (line.empty()) return;
    if (auto header = parse_header_line(line)) head.headers.push_back(*std::move(header));
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    require(end != std::string_view::npos, "each line ends");
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// An attribute of an envelope is the first member of its name in the line.
void check_attribute(std::string_view line, const std::string& member, const json& value) {
  const std::string begin = json(member).dump() + ":" + json(value).dump();
  require(line.find(begin) != std::string_view::npos, "an attribute stands in the line");
  const std::size_t first = line.find(json(member).dump() + ":");
  require(line.substr(first).starts_with(begin), "the envelope goes before the data");
}

void check_envelope(const json& envelope, std::string_view line) {
  if (!json::accept(line)) return;  // its data is no JSON, which the decoder says
  constexpr std::array kMembers = {std::pair{"type", "type"}, std::pair{"id", "id"},
                                   std::pair{"time", "ts"}, std::pair{"source", "source"},
                                   std::pair{"subject", "subject"}};
  for (const auto& [attribute, member] : kMembers) {
    if (envelope.contains(attribute)) check_attribute(line, member, envelope.at(attribute));
  }
  require(envelope.value("specversion", "") == "1.0", "only version 1.0 is taken");
}

// Where an independent reader takes the whole body, the lines are its events.
void check_events(Form form, const std::string& body, const std::vector<std::string_view>& lines) {
  bool has_repeats = false;  // of which the two readers take different ones
  std::vector<std::vector<std::string>> names;
  const auto note = [&](int depth, json::parse_event_t event, json& parsed) {
    const auto at = static_cast<std::size_t>(depth);
    if (event == json::parse_event_t::object_start) {
      names.resize(std::max(names.size(), at + 2));
      names[at + 1].clear();
    } else if (event == json::parse_event_t::key) {
      names.resize(std::max(names.size(), at + 1));
      has_repeats = has_repeats || std::ranges::count(names[at], parsed.get<std::string>()) > 0;
      names[at].push_back(parsed.get<std::string>());
    }
    return true;
  };
  const json whole = json::parse(body, note, false);
  if (whole.is_discarded() || has_repeats) return;
  const std::size_t count = whole.is_array() ? whole.size() : 1;
  require(lines.size() == count, "there is a line for each event");
  for (std::size_t i = 0; i < count; ++i) {
    const json& event = whole.is_array() ? whole[i] : whole;
    if (form == Form::kJson) {
      require(json::parse(lines[i], nullptr, false) == event, "a line says what its event says");
    } else if (form == Form::kCloudEvent || form == Form::kCloudEvents) {
      check_envelope(event, lines[i]);
    }
  }
}

void try_body(Form form, const RequestHead& head, const std::string& body) {
  std::vector<runtime::TraceRun> traces;
  const auto taken = event_lines(head, body, "", &traces);
  if (!taken) {
    require(taken.error().status == 400 && !taken.error().detail.empty(), "a refusal says why");
    return;
  }
  const std::vector<std::string_view> lines = lines_of(*taken);
  for (std::size_t i = 1; i < traces.size(); ++i)
    require(traces[i - 1].first < traces[i].first, "traces are in the order of their lines");
  require(traces.empty() || traces.back().first <= lines.size(), "a trace is of a line");
  if (form != Form::kLines && form != Form::kBinary) check_events(form, body, lines);
  if (form == Form::kBinary) require(lines.size() == 1, "a binary CloudEvent is one event");
  // Lines are events as they are.
  RequestHead plain;
  const auto again = event_lines(plain, *taken);
  require(!again || *again == *taken, "lines are taken as they are");
}

void try_input(std::string_view input) {
  if (input.size() < 2) return;
  const auto form = static_cast<Form>(static_cast<unsigned char>(input[0]) % kTypes.size());
  const std::string encoding =
      kEncodings.at(static_cast<unsigned char>(input[1]) % kEncodings.size());
  input.remove_prefix(2);
  RequestHead head;
  head.headers.push_back({"content-type", kTypes.at(static_cast<std::size_t>(form))});
  if (form == Form::kBinary) take_headers(input, head);
  BodyBudget budget(kBudget);
  {
    BodyBudget::Hold hold(budget);
    const auto body = unpack_body(std::string(input), encoding, {kUnpackedMax}, hold);
    if (body) {
      require(body->size() <= kUnpackedMax, "a body unpacks to no more than it may");
      require(encoding.empty() ? *body == input : budget.held() >= body->size(),
              "what unpacking gives is counted");
      try_body(form, head, *body);
    } else {
      const int status = body.error().status;
      require(status == 400 || status == 413 || status == 415 || status == 503,
              "a refusal has its status");
    }
  }
  require(budget.held() == 0, "what a body counts is given back");
}
}  // namespace
}  // namespace tocsin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_input(tocsin::fuzz::text_of(data, size));
  return 0;
}
