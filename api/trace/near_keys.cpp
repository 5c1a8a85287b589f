#include "api/trace/near_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/node/node_report.h"
#include "api/rules/key_text.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/explain/find_rules.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
// How long a step keeps the engine's thread from events.
constexpr std::chrono::microseconds kStepMost{1'000};
constexpr std::size_t kStepKeysMost = 1'000;
// Listed of one rule and key, the oldest, among which the furthest is sought: each may have taken
// thousands of events.
constexpr std::size_t kMatchesMost = 100;

// Behind all keys.
constexpr cep::KeyPlace kEnd = {UINT32_MAX, 0, 0};

void add_place(std::string& cursor, const cep::KeyPlace& place) {
  cursor += fmt::format(":{}:{}:{}", place.kind, place.group, place.after);
}
// Numbers of a cursor, each behind a colon.
class CursorReader {
 public:
  explicit CursorReader(std::string_view text) : text_(text) {}
  bool is_done() const { return text_.empty(); }
  bool ok() const { return ok_; }
  template <typename Number>
  Number number() {
    Number value = 0;
    if (!text_.starts_with(':')) {
      ok_ = false;
      return value;
    }
    const char* const end = text_.data() + text_.size();
    const auto parsed = std::from_chars(text_.data() + 1, end, value);
    if (parsed.ec != std::errc{}) ok_ = false;
    text_ = {parsed.ptr, static_cast<std::size_t>(end - parsed.ptr)};
    return value;
  }
  cep::KeyPlace place() {
    cep::KeyPlace place;
    place.kind = number<std::uint32_t>();
    place.group = number<std::uint32_t>();
    place.after = number<std::uint64_t>();
    return place;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

class NearKeysWalk {
 public:
  explicit NearKeysWalk(const NearKeysRequest& request)
      : request_(request), ends_(steady_clock::now() + request.time_max) {}

  // True at its end.
  bool step(const cep::Program& program, cep::Engine& engine) {
    if (!out_.program && !begin(program)) return true;
    if (&program.impl() != &out_.program->impl()) {
      error_ = Error{Errc::kConflict, "the rules changed while keys were read: ask again"};
      return true;
    }
    const auto began = steady_clock::now();
    scan_.keys_max = std::min<std::size_t>(kStepKeysMost, request_.examined_max - scan_.examined);
    scan_.is_over = [&] { return is_page_full() || steady_clock::now() - began > kStepMost; };
    engine.scan_keys(scan_);
    take();
    out_.at = engine.watermark();
    if (!scan_.is_done && !is_page_full()) {
      if (scan_.examined >= request_.examined_max)
        out_.limit = NearKeysLimit::kKeys;
      else if (steady_clock::now() > ends_)
        out_.limit = NearKeysLimit::kTime;
      else
        return false;
    }
    end();
    return true;
  }
  Result<NearKeys> result() && {
    if (error_) return tl::unexpected(*std::move(error_));
    return std::move(out_);
  }

 private:
  bool begin(const cep::Program& program) {
    out_.program = program;
    of_ = cep::walk_layout(program, request_.salt);
    if (request_.cursor) {
      const auto place = read_near_keys_cursor(of_, *request_.cursor);
      if (!place) {
        error_ = Error{Errc::kInvalidArgument,
                       "it takes the `next` of the page before, as long as neither the server nor "
                       "its rules began anew: read the first page again"};
        return false;
      }
      place_ = *place;
    }
    std::vector<std::string> names;
    if (!request_.rule.empty()) names.push_back(request_.rule);
    const auto rules = library::find_rules(program.plan(), names);
    if (!rules) {
      error_ = rules.error();
      return false;
    }
    scan_.rules.assign(program.plan().rules.size(), false);
    for (const cep::RuleIndex rule : *rules) scan_.rules[rule.value] = true;
    scan_.prefix = request_.prefix;
    scan_.salt = request_.salt;
    scan_.matches_max = kMatchesMost;
    scan_.at = place_.from;
    scan_.last = place_.last;
    return true;
  }
  bool is_page_full() const {
    return !request_.is_nearest && out_.keys.size() + scan_.found.size() >= request_.keys_max;
  }
  // No more keys are kept than the page shows, and one that says that there are more.
  void take() {
    out_.found += scan_.found.size();
    for (cep::ScannedKey& key : scan_.found) {
      const bool was_shown = place_.nearest && cep::nearness_of(key) <= *place_.nearest;
      if (!was_shown) out_.keys.push_back(std::move(key));
    }
    scan_.found.clear();
    if (!request_.is_nearest || out_.keys.size() <= request_.keys_max) return;
    const auto more = out_.keys.begin() + static_cast<std::ptrdiff_t>(request_.keys_max);
    std::ranges::nth_element(out_.keys, more, {}, cep::nearness_of);
    out_.keys.erase(more + 1, out_.keys.end());
  }
  void end() {
    out_.examined = scan_.examined;
    const std::optional<cep::KeyPlace> last = scan_.is_done ? place_.last : std::optional(scan_.at);
    out_.is_complete = !last && place_.from == cep::KeyPlace();
    if (request_.is_nearest) {
      std::ranges::sort(out_.keys, {}, cep::nearness_of);
      if (out_.keys.size() > request_.keys_max) {
        out_.keys.pop_back();
        const cep::KeyNearness shown = cep::nearness_of(out_.keys.back());
        out_.next = near_keys_cursor(of_, {place_.from, last, shown});
        return;
      }
    }
    if (last) out_.next = near_keys_cursor(of_, {*last, std::nullopt, std::nullopt});
  }

  const NearKeysRequest& request_;
  const steady_clock::time_point ends_;
  NearKeysPlace place_;
  std::uint64_t of_ = 0;  // what cursors are of
  cep::KeyScan scan_;
  NearKeys out_;
  std::optional<Error> error_;
};

using Json = nlohmann::ordered_json;
Json time_or_null(cep::EventTime time) {
  return time == cep::kEventTimeMax ? Json(nullptr) : time_json(time);
}
Json key_json(const cep::Plan& plan, const cep::ScannedKey& key, const PlaceOfCondition& place) {
  const cep::KeyNearness nearness = cep::nearness_of(key);
  const std::optional<std::string> text = key_path_text(key);
  Json json = {{"key", text ? Json(*text) : Json(nullptr)},
               {"values", Json::object()},
               {"missing", nearness.missing < cep::KeyNearness::kWindow ? Json(nearness.missing)
                                                                        : Json(nullptr)},
               {"until", time_or_null(nearness.end)},
               {"rules", Json::array()}};
  for (std::size_t i = 0; i < key.parts.size(); ++i) {
    json["values"][key.names[i]] = cep::to_text(key.parts[i].view());
  }
  for (const cep::ScannedRule& rule : key.rules) {
    json["rules"].push_back(scanned_rule_json(plan, rule, place));
  }
  return json;
}
}  // namespace

std::string near_keys_cursor(std::uint64_t of, const NearKeysPlace& place) {
  std::string cursor = fmt::format("{:016x}", of);
  add_place(cursor, place.from);
  if (place.nearest) {
    add_place(cursor, place.last.value_or(kEnd));
    cursor += fmt::format(":{}:{}", place.nearest->missing, place.nearest->end.us);
    add_place(cursor, place.nearest->place);
  }
  return cursor;
}

std::optional<NearKeysPlace> read_near_keys_cursor(std::uint64_t of, std::string_view cursor) {
  const std::string begin = fmt::format("{:016x}", of);
  if (!cursor.starts_with(begin)) return std::nullopt;
  CursorReader from(cursor.substr(begin.size()));
  NearKeysPlace place;
  place.from = from.place();
  if (from.ok() && !from.is_done()) {
    place.last = from.place();
    if (place.last == kEnd) place.last.reset();
    cep::KeyNearness& nearest = place.nearest.emplace();
    nearest.missing = from.number<std::uint32_t>();
    nearest.end.us = from.number<std::int64_t>();
    nearest.place = from.place();
  }
  if (!from.ok() || !from.is_done()) return std::nullopt;
  return place;
}

Served<Result<NearKeys>> near_keys(const NearKeysRequest& request, const EngineWork& work) {
  NearKeysWalk walk(request);
  const Served<void> done = work([&walk](const cep::Program& program, cep::Engine& engine) {
    return walk.step(program, engine);
  });
  if (!done) return tl::unexpected(done.error());
  return std::move(walk).result();
}

std::optional<std::string> key_path_text(const cep::ScannedKey& key) {
  std::string text;
  std::vector<std::pair<std::string, std::string>> parts;
  for (std::size_t i = 0; i < key.parts.size(); ++i) {
    parts.emplace_back(key.names[i], cep::to_text(key.parts[i].view()));
    text += fmt::format("{}{}={}", i == 0 ? "" : ",", parts.back().first, parts.back().second);
  }
  const auto read = key_parts(split_key(text));
  if (parts.empty() || !read || *read != parts) return std::nullopt;
  return text;
}

std::string near_keys_json(const NearKeys& found, const PlaceOfCondition& place) {
  Json json = {{"watermark", time_json(found.at)},
               {"keys", Json::array()},
               {"examined", found.examined},
               {"found", found.found},
               {"complete", found.is_complete}};
  for (const cep::ScannedKey& key : found.keys) {
    json["keys"].push_back(key_json(found.program->plan(), key, place));
  }
  if (found.limit != NearKeysLimit::kNone) {
    json["limited_by"] = found.limit == NearKeysLimit::kKeys ? "keys" : "time";
  }
  if (!found.next.empty()) json["next"] = found.next;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
}  // namespace tocsin::api
