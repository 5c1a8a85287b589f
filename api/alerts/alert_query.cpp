#include "api/alerts/alert_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "api/alerts/alert_condition.h"
#include "api/alerts/alert_line.h"
#include "api/alerts/alert_scope.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kDigestLetters = 16;

// The severest first.
constexpr std::array kBySeverity = {cep::Severity::kCritical, cep::Severity::kHigh,
                                    cep::Severity::kMedium, cep::Severity::kLow,
                                    cep::Severity::kInfo};
// What a cursor begins with: the order, and by severity where it goes on.
constexpr std::string_view kSeverityLetters = "chmli";
char letter_of(AlertOrder order, std::size_t severity) {
  if (order == AlertOrder::kSeverity) return kSeverityLetters[severity];
  return order == AlertOrder::kOldest ? 'o' : 'n';
}

void add_lower(std::string& text, std::string_view more) {
  text += '\n';
  for (const char letter : more)
    text += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}
// What people read of an alert, to be searched.
std::string searched_text(const JsonMembers& members) {
  std::string text;
  for (const auto& [name, value] : members) {
    if (name == "message" || name == "title" || name == "rule" || name == "id") {
      add_lower(text, json_characters(value));
    } else if (name == "key" || name == "fields") {
      for (const auto& part : json_members(value)) add_lower(text, json_characters(part.second));
    } else if (name == "tags") {
      for (const std::string_view tag : json_elements(value)) add_lower(text, json_characters(tag));
    }
  }
  return text;
}
}  // namespace

std::string alert_cursor(const AlertPlace& place, const AlertFilter& filter, AlertOrder order) {
  // Its letter, a number in 16 hex digits and the filter's digest.
  return fmt::format("{}{:016x}{}", letter_of(order, place.severity), place.number,
                     filter.digest());
}

Result<AlertPlace> read_alert_cursor(std::string_view cursor, const AlertFilter& filter,
                                     AlertOrder order) {
  const auto bad = [] {
    return fail(Errc::kInvalidArgument,
                "the cursor is not one of this query: take `next` of its last page, with the same "
                "parameters");
  };
  if (cursor.size() != 1 + 16 + kDigestLetters) return bad();
  AlertPlace place;
  while (place.severity < kBySeverity.size() && letter_of(order, place.severity) != cursor.front())
    ++place.severity;
  if (place.severity == kBySeverity.size()) return bad();
  if (cursor.substr(17) != filter.digest()) return bad();
  const char* const end = cursor.data() + 17;
  const auto parsed = std::from_chars(cursor.data() + 1, end, place.number, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return bad();
  return place;
}

bool AlertFilter::admits(const runtime::StoredAlert& alert) const {
  if (alert.repeat_of != 0 || (!alert.is_live && !has_shadow)) return false;
  if ((from && alert.ts < *from) || (to && alert.ts >= *to)) return false;
  if (!severities.empty() && !severities.contains(alert.severity)) return false;
  if (!rules.empty() && !rules.contains(alert.rule)) return false;
  return is_alert_in(scope, alert.line) && admits_members(alert) &&
         (!condition || condition->holds(alert));
}

bool AlertFilter::admits_members(const runtime::StoredAlert& alert) const {
  if (key.empty() && tags.empty() && words.empty()) return true;
  // Who is shown marks asks about marks, or would find out what they stand for.
  const bool asks_values = !key.empty() || !words.empty();
  const std::string masked = mask && asks_values ? mask(alert) : std::string();
  const JsonMembers members = json_members(masked.empty() ? alert.line : masked);
  if (!words.empty()) {
    const std::string text = searched_text(members);
    const auto stands = [&](const std::string& word) { return text.find(word) != text.npos; };
    if (!std::ranges::all_of(words, stands)) return false;
  }
  const auto member = [&](std::string_view name) {
    const auto found = std::ranges::find(members, name, &JsonMembers::value_type::first);
    return found == members.end() ? std::string_view() : found->second;
  };
  if (!key.empty()) {
    const JsonMembers parts = json_members(member("key"));
    for (const auto& [name, value] : key) {
      const auto part = std::ranges::find(parts, name, &JsonMembers::value_type::first);
      if (part == parts.end() || json_characters(part->second) != value) return false;
    }
  }
  return tags.empty() || std::ranges::any_of(json_elements(member("tags")), [&](auto tag) {
           return tags.contains(json_characters(tag));
         });
}

bool AlertFilter::admits(const TriageRecord& triage) const {
  return (statuses.empty() || statuses.contains(triage.state)) &&
         (!assignee || triage.assignee == *assignee);
}

std::string AlertFilter::digest() const {
  std::string text;
  const auto add = [&](std::string_view part) { text += fmt::format("{}:{},", part.size(), part); };
  const auto add_list = [&](const auto& list) {
    text += fmt::format("{};", list.size());
    for (const auto& one : list) add(one);
  };
  text += fmt::format("{};{};", from ? from->us : INT64_MIN, to ? to->us : INT64_MIN);
  add_list(rules);
  add_list(tags);
  for (const cep::Severity severity : severities) add(cep::severity_name(severity));
  for (const auto& [name, value] : key) {
    add(name);
    add(value);
  }
  text += fmt::format(";{};", has_shadow);
  for (const TriageState status : statuses) add(name_of(status));
  text += assignee ? ";=" : ";";
  add(assignee.value_or(""));
  add_list(words);
  if (!condition_text.empty()) {
    text += '?';
    add(condition_text);
  }
  if (!scope.is_whole()) {
    add_list(scope.tags);
    add_list(scope.types);
  }
  const cep::Digest digest = cep::sha256(text);
  return cep::hex(std::span(digest).first(kDigestLetters / 2));
}

std::optional<cep::Severity> severity_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(cep::Severity::kCritical); ++i) {
    const auto severity = static_cast<cep::Severity>(i);
    if (cep::severity_name(severity) == name) return severity;
  }
  return std::nullopt;
}
std::set<cep::Severity> severities_from(cep::Severity least) {
  std::set<cep::Severity> severities;
  for (int i = static_cast<int>(least); i <= static_cast<int>(cep::Severity::kCritical); ++i)
    severities.insert(static_cast<cep::Severity>(i));
  return severities;
}

Result<AlertPage> AlertQuery::page(const AlertFilter& filter, AlertOrder order,
                                   std::size_t hits_max, std::string_view cursor) const {
  const bool is_oldest_first = order == AlertOrder::kOldest;
  AlertPlace place{0, is_oldest_first ? 0 : UINT64_MAX};
  if (!cursor.empty()) {
    const Result<AlertPlace> read = read_alert_cursor(cursor, filter, order);
    if (!read) return tl::unexpected(read.error());
    place = *read;
  } else if (is_oldest_first && filter.from) {
    const Result<std::uint64_t> first = first_at(*filter.from);
    if (!first) return tl::unexpected(first.error());
    place.number = *first;
  }
  AlertPage page;
  std::size_t rows = 0;
  const auto visit = [&](std::uint64_t number, const AlertHit* hit) {
    // Only now it is known that there is more.
    if (page.hits.size() == hits_max || rows == limits_.rows_max) {
      page.next = alert_cursor({place.severity, number}, filter, order);
      return false;
    }
    ++rows;
    if (hit != nullptr) page.hits.push_back(*hit);
    return true;
  };
  if (order != AlertOrder::kSeverity) {
    const Result<void> walked = walk(filter, is_oldest_first, place.number, visit);
    if (!walked) return tl::unexpected(walked.error());
    return page;
  }
  AlertFilter one = filter;
  for (; place.severity < kBySeverity.size() && page.next.empty(); ++place.severity) {
    const cep::Severity severity = kBySeverity[place.severity];
    if (filter.severities.empty() || filter.severities.contains(severity)) {
      one.severities = {severity};
      const Result<void> walked = walk(one, false, place.number, visit);
      if (!walked) return tl::unexpected(walked.error());
    }
    place.number = UINT64_MAX;
  }
  return page;
}

Result<std::optional<runtime::StoredAlert>> first_alert_of(const runtime::EffectReader& reader,
                                                           std::string_view id) {
  const Result<std::vector<std::uint64_t>> numbers = reader.numbers_of(id);
  if (!numbers) return tl::unexpected(numbers.error());
  for (const std::uint64_t number : *numbers) {
    Result<std::optional<runtime::StoredAlert>> alert = reader.alert(number);
    if (!alert || *alert) return alert;
    // Else retention was faster.
  }
  return std::nullopt;
}

Result<std::optional<AlertHit>> AlertQuery::find(std::string_view id) const {
  Result<std::optional<runtime::StoredAlert>> alert = first_alert_of(reader_, id);
  if (!alert) return tl::unexpected(alert.error());
  if (!*alert) return std::nullopt;
  Result<TriageRecord> triage = triage_.get(id);
  if (!triage) return tl::unexpected(triage.error());
  return AlertHit{std::move(**alert), std::move(*triage)};
}

Result<void> AlertQuery::walk(const AlertFilter& filter, bool is_oldest_first, std::uint64_t from,
                              const Visitor& visit) const {
  // Of the states but open there is an index.
  if (filter.statuses.size() == 1 && !filter.statuses.contains(TriageState::kOpen))
    return walk_status(filter, is_oldest_first, from, visit);
  Result<void> failed;
  const auto take = [&](const runtime::StoredAlert& alert) {
    if (!filter.admits(alert)) return visit(alert.number, nullptr);
    Result<TriageRecord> triage = triage_.get(alert.id);
    if (!triage) {
      failed = tl::unexpected(triage.error());
      return false;
    }
    if (!filter.admits(*triage)) return visit(alert.number, nullptr);
    const AlertHit hit{alert, std::move(*triage)};
    return visit(alert.number, &hit);
  };
  const Result<void> read =
      is_oldest_first ? reader_.alerts(from, take) : reader_.alerts_before(from, take);
  return read ? failed : read;
}

Result<void> AlertQuery::walk_status(const AlertFilter& filter, bool is_oldest_first,
                                     std::uint64_t from, const Visitor& visit) const {
  Result<void> failed;
  const Result<void> read =
      triage_.numbers(*filter.statuses.begin(), from, !is_oldest_first, [&](std::uint64_t number) {
        Result<std::optional<runtime::StoredAlert>> alert = reader_.alert(number);
        if (!alert) {
          failed = tl::unexpected(alert.error());
          return false;
        }
        if (!*alert || !filter.admits(**alert)) return visit(number, nullptr);
        Result<TriageRecord> triage = triage_.get((*alert)->id);
        if (!triage) {
          failed = tl::unexpected(triage.error());
          return false;
        }
        if (!filter.admits(*triage)) return visit(number, nullptr);
        const AlertHit hit{std::move(**alert), std::move(*triage)};
        return visit(number, &hit);
      });
  return read ? failed : read;
}

// A number before which no alert is of `from` or later. Engine time never falls within a timeline,
// and no alert's own time is beyond it.
Result<std::uint64_t> AlertQuery::first_at(cep::EventTime from) const {
  const Result<std::vector<runtime::TimelineRow>> timelines = reader_.timelines();
  if (!timelines) return tl::unexpected(timelines.error());
  if (timelines->size() != 1) return std::uint64_t{0};
  // Those of topics come at any time.
  const Result<std::vector<runtime::InboxPlace>> places = reader_.inbox_places();
  if (!places) return tl::unexpected(places.error());
  if (!places->empty()) return std::uint64_t{0};
  const Result<runtime::EmittedMark> mark = reader_.mark();
  if (!mark) return tl::unexpected(mark.error());
  const Result<runtime::EffectTotals> totals = reader_.totals();
  if (!totals) return tl::unexpected(totals.error());
  std::uint64_t low = totals->first_number;
  std::uint64_t high = mark->number + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    // The first that is kept from there on.
    std::optional<runtime::StoredAlert> found;
    const Result<void> read = reader_.alerts(middle, [&](const runtime::StoredAlert& alert) {
      found = alert;
      return false;
    });
    if (!read) return tl::unexpected(read.error());
    if (!found || found->order.time >= from) {
      high = middle;
    } else {
      low = found->number + 1;
    }
  }
  return low;
}
}  // namespace tocsin::api
