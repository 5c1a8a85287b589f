#include "tests/support/rule_text.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/plan.h"

namespace tocsin::tests {
const char* const kRuleSchema = R"(event payment {
  ts: time up to 30s late,
  id: string id,
  card: string,
  account: string,
  merchant: string,
  amount: decimal(2),
  rate: decimal(7),
  count_of_items: int,
  risk: float?,
  country: string?,
  channel: enum(pos, ecom, atm),
  declined: bool,
  born: date,
  evidence_id: string? evidence,
}
event login { ts: time, account: string, card: string?, ok: bool, tries: int, amount: int, since: time }
event transfer { at: time key, id: string id, from_account: string, card: string, amount: decimal(2) }
event otp_ok { ts: time, account: string, channel: enum(sms, app) }
const PROBE = 2.00
const LOWEST = -5
const RISKY = ecom
const HOME = ["SE", "NO"]
kind probe = payment where amount < PROBE and channel = ecom
kind access = login where not ok | otp_ok where channel = sms
feature payments_10m = count(payment) by card over last 10m
feature spent = sum(amount of payment where not declined) by card over last 1h
feature usual = avg(amount of payment) by card over last 30d
feature logins_by_account = count(login) by account over last 1h
defaults payment { card: "c1", amount: 20.00, channel: ecom, declined: false, country: "DE" }
)";

rules::Loaded load_files(const RuleFiles& files, const std::vector<std::string>& paths) {
  return rules::load(paths, [&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return fail(Errc::kNotFound, "no such file");
    return found->second;
  });
}

rules::Loaded load_rules(std::string_view text) {
  rules::Loaded loaded =
      load_files({{"schema.tocsin", kRuleSchema}, {"rules.tocsin", std::string(text)}},
                 {"schema.tocsin", "rules.tocsin"});
  // Each text uses some of the schema.
  std::erase_if(loaded.diagnostics, [&](const rules::Diagnostic& diagnostic) {
    return rules::code_name(diagnostic.code) == "unused_name" &&
           loaded.sources.path(diagnostic.primary.span.file) == "schema.tocsin";
  });
  return loaded;
}

std::shared_ptr<const cep::Plan> plan_of(const std::string& text) {
  const rules::Loaded loaded = load_files({{"rules.tocsin", text}}, {"rules.tocsin"});
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  return loaded.rules->plan;
}

std::string places_of(const rules::Loaded& loaded) {
  std::string out;
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
    const rules::SourceSpan span = diagnostic.primary.span;
    const rules::SourceMap::Place place = loaded.sources.place(span.file, span.begin);
    const std::string& path = loaded.sources.path(span.file);
    if (!out.empty()) out += ", ";
    out += fmt::format("{}{} {}:{}", path == "rules.tocsin" ? "" : path + " ",
                       rules::code_name(diagnostic.code), place.line, place.column);
  }
  return out;
}

std::string rendered(const rules::Loaded& loaded) {
  std::string out;
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
    out += rules::render(loaded.sources, diagnostic);
  }
  return out;
}

std::vector<std::string> plan_lines(const cep::Plan& plan, const std::vector<std::string>& starts) {
  std::vector<std::string> found;
  const std::string text = cep::describe(plan);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    std::string line = text.substr(begin, end - begin);
    line.erase(0, line.find_first_not_of(' '));
    const bool wanted = std::ranges::any_of(
        starts, [&](const std::string& start) { return line.starts_with(start); });
    if (wanted) found.push_back(std::move(line));
    begin = end + 1;
  }
  return found;
}
}  // namespace tocsin::tests
