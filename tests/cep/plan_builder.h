/// A plan over payments and transfers, built by hand, and its alerts for slices of any size.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/plan.h"
#include "tests/support/oracle.h"

namespace tocsin::tests {
/// Lines that a failed check shows.
struct Lines {
  std::vector<std::string> all;
  Lines(std::initializer_list<std::string> lines) : all(lines) {}
  Lines sorted() const {
    Lines lines = *this;
    std::sort(lines.all.begin(), lines.all.end());
    return lines;
  }
  friend bool operator==(const Lines&, const Lines&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Lines& lines) {
    for (const std::string& line : lines.all) out << "\n  " << line;
    return out;
  }
};
/// Names stand for places: event types, features and rules are found by name.
class PlanBuilder {
 public:
  /// pay(ts, id, card, device, amount: int) and transfer(ts, id, from_account, to_account, amount).
  PlanBuilder();

  cep::Plan plan;

  cep::EventTypeIndex type(const std::string& name) const;
  cep::Subset kind(const std::string& type, const std::string& role = "") const;
  /// A field of the current event, of types that have it.
  cep::ExprPtr field(const std::string& name, const std::vector<std::string>& types) const;
  /// A feature's value, by the event's own key or by arguments.
  cep::ExprPtr read(const std::string& feature, std::vector<cep::ExprPtr> arguments = {}) const;
  /// `by NAME = TYPE.FIELD [as ROLE] | …`
  struct Member {
    std::string type, field, role;
  };
  cep::KeySpec key(const std::string& name, const std::vector<Member>& members) const;
  /// A count over `last` milliseconds.
  cep::Feature& count(const std::string& name, std::vector<cep::Subset> events, cep::KeySpec key,
                      std::int64_t last_ms, cep::ExprPtr where = nullptr);
  /// A rule whose steps follow each other by `then`, each named by a letter from `a` on.
  cep::Rule& rule(const std::string& name, cep::KeySpec key,
                  const std::vector<std::vector<cep::Subset>>& steps,
                  const cep::ExprPtr& where = nullptr);
  /// A rule of a closing window named `w`: a session of that gap, or tumbling.
  cep::Rule& window(const std::string& name, cep::KeySpec key, bool session, std::int64_t ms,
                    std::vector<cep::Subset> events, std::vector<cep::Subset> considering = {});
  /// An aggregate over the window's events.
  cep::ExprPtr of_window(cep::Aggregate aggregate, const cep::ExprPtr& argument = nullptr,
                         const cep::ExprPtr& where = nullptr) const;
  /// The type of the rule's alerts, or of any of several rules'.
  void alert_type(const std::string& name, const std::vector<std::string>& rules);
  /// Adds to a rule's message.
  static void show(cep::Rule& rule, const std::string& text, cep::ExprPtr expr);

  /// "pay 10 card=c1 device=d1 amount=5" lines: type, milliseconds, fields; arrival as written.
  std::vector<oracle::Event> events(const std::vector<std::string>& lines) const;
  /// Alerts as "rule@ms key: message [ids of its events]", the same for slices of 1, 7 and 10,000
  /// rows and two hash seeds; time ends at `end_ms`.
  Lines alerts(const std::vector<std::string>& lines, std::int64_t end_ms = 1'000'000'000) const;
  /// What compile refuses.
  std::string refusal() const;

 private:
  std::size_t add_type(const std::string& name, const std::vector<std::string>& texts);
};
}  // namespace tocsin::tests
