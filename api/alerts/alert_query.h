/// Alerts of the alert store by what they are: pages of them, and single ones.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/triage_store.h"
#include "api/rest/access.h"
#include "cep/base/result.h"
#include "cep/plan/severity.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
class AlertCondition;

/// What is shown of an alert's line to who is not shown personal data.
using MaskLine = std::function<std::string(const runtime::StoredAlert&)>;

/// Rules, tags or parts of a key that a filter which is kept may name.
inline constexpr std::size_t kFilterListMax = 200;

/// Which alerts are meant. What is left out admits all.
struct AlertFilter {
  std::optional<cep::EventTime> from;  // the alert's time is at or after this,
  std::optional<cep::EventTime> to;    // and before this
  std::set<std::string, std::less<>> rules;
  std::set<cep::Severity> severities;
  std::set<std::string, std::less<>> tags;  // has one of these
  /// Parts of the key by name, as they are shown: {"card": "c1"}.
  std::map<std::string, std::string, std::less<>> key;
  /// In the rule language on the alert's fields; empty: none.
  std::string condition_text;
  /// The same, ready to be asked; null where there is none, or where it does not fit the rules.
  std::shared_ptr<const AlertCondition> condition;
  std::set<TriageState> statuses;
  std::optional<std::string> assignee;  // of its triage; empty: nobody's
  /// Each stands in its message, title, rule, id, tags, or the values of its key and fields; ASCII
  /// letters are lower case here, and any case there.
  std::vector<std::string> words;
  bool has_shadow = false;  // those of shadow rules too
  TokenScope scope = {};    // of who asks
  MaskLine mask = {};       // for who asks and is not shown personal data; they ask about it

  /// Whether it admits the alert, apart from its triage.
  bool admits(const runtime::StoredAlert& alert) const;
  /// Whether it admits its triage.
  bool admits(const TriageRecord& triage) const;
  /// The line, as who asks is shown it.
  std::string shown(const runtime::StoredAlert& alert) const {
    return mask ? mask(alert) : alert.line;
  }
  /// The same for equal filters: what a cursor is bound to.
  std::string digest() const;

 private:
  bool admits_members(const runtime::StoredAlert& alert) const;  // its key, tags and words
};
/// "info", …; nothing for another word.
std::optional<cep::Severity> severity_named(std::string_view name);
/// Severities of that and more.
std::set<cep::Severity> severities_from(cep::Severity least);

struct AlertHit {
  runtime::StoredAlert alert;
  TriageRecord triage;
};
struct AlertPage {
  std::vector<AlertHit> hits;
  /// Where the next page begins; empty: there are no more. A page that looked at as many rows as it
  /// may has fewer hits than asked for, and goes on.
  std::string next;
};
enum class AlertOrder : std::uint8_t {
  kNewest,
  kOldest,
  kSeverity,  // the severest first, of one severity the newest
};
/// Where a page begins. A cursor is the text of it, bound to the filter and the order.
struct AlertPlace {
  std::size_t severity = 0;  // by severity: how many severities come before it
  std::uint64_t number = 0;
  friend bool operator==(const AlertPlace&, const AlertPlace&) = default;
};
std::string alert_cursor(const AlertPlace& place, const AlertFilter& filter, AlertOrder order);
/// Fails with kInvalidArgument for what is no cursor, or one of another filter or order.
Result<AlertPlace> read_alert_cursor(std::string_view cursor, const AlertFilter& filter,
                                     AlertOrder order);
struct AlertQueryLimits {
  std::size_t rows_max = 100'000;  // looked at for one page
};

/// The alert of that id, as it was raised first, of what is kept; nothing where there is none.
Result<std::optional<runtime::StoredAlert>> first_alert_of(const runtime::EffectReader& reader,
                                                           std::string_view id);
/// Threading: any. Borrows the triage store.
class AlertQuery {
 public:
  AlertQuery(runtime::EffectReader reader, const TriageStore& triage, AlertQueryLimits limits = {})
      : reader_(reader), triage_(triage), limits_(limits) {}

  /// At most `hits_max` alerts from `cursor` on (empty: from the begin). New alerts move no page;
  /// by severity, those that are severer than what was shown are left out. Errors: kInvalidArgument
  /// for a cursor that is none or of another filter; kCorrupt, kIo.
  Result<AlertPage> page(const AlertFilter& filter, AlertOrder order, std::size_t hits_max,
                         std::string_view cursor) const;
  /// first_alert_of(), with its triage.
  Result<std::optional<AlertHit>> find(std::string_view id) const;

 private:
  using Visitor = std::function<bool(std::uint64_t number, const AlertHit* hit)>;
  /// Rows from `from` on in either direction; `visit` is told of each, with the hit where it is
  /// one.
  Result<void> walk(const AlertFilter& filter, bool is_oldest_first, std::uint64_t from,
                    const Visitor& visit) const;
  /// As walk(), of what is in one state but open.
  Result<void> walk_status(const AlertFilter& filter, bool is_oldest_first, std::uint64_t from,
                           const Visitor& visit) const;
  Result<std::uint64_t> first_at(cep::EventTime from) const;

  runtime::EffectReader reader_;
  const TriageStore& triage_;
  AlertQueryLimits limits_;
};
}  // namespace tocsin::api
