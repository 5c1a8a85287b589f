#include "api/rollout/change_service.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/journal/file_tree.h"
#include "tests/api/rule_service_world.h"
#include "tests/support/random.h"

namespace tocsin::api {
namespace {
using Why = DeployRefusal::Why;
using Made = ChangeService::Made;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::uint64_t kAlertsMax = 5;  // of the gate on the rate of alerts

RulePack pack_of(const std::string& schema, const std::string& rules) {
  return RulePack({{"rules:schema.tocsin", schema}, {"rules:rules.tocsin", rules}});
}
std::string rule(const std::string& id, int bound, const std::string& status = "") {
  return fmt::format(
      "rule {} \"R\" {{\n{}  by card\n  when payment where amount > {}\n  alert \"x\"\n}}\n", id,
      status.empty() ? "" : "  status " + status + "\n", bound);
}

TEST_CASE("rule pack: the live etag is of what live rules do") {
  const std::string two = rule("a", 1) + rule("b", 2);
  const RulePack pack = pack_of(kSchema, two).with_rollout("b", {RuleStage::kShadow});
  const auto is_same = [&](const RulePack& other) { return other.live_etag() == pack.live_etag(); };
  const auto with = [&](const std::string& schema, const std::string& rules) {
    return pack_of(schema, rules).with_rollout("b", {RuleStage::kShadow});
  };
  const std::string test =
      "test a \"t\" {\n  0s payment { card: \"c\", amount: 2.00 }\n  expect alert\n}\n";
  CHECK(is_same(with(kSchema, "# words\n" + two)));
  CHECK(is_same(with(kSchema, rule("a", 1) + rule("b", 3))));
  CHECK(is_same(with(kSchema, rule("a", 1))));
  CHECK(is_same(with(kSchema, two + rule("c", 1, "shadow"))));
  CHECK(is_same(with(kSchema, two + rule("c", 1, "draft"))));
  CHECK(is_same(with(kSchema, two + test)));
  CHECK(is_same(pack.with_rollout("b", {RuleStage::kRetired})));
  CHECK_FALSE(is_same(with(kSchema, rule("a", 2) + rule("b", 2))));
  CHECK_FALSE(is_same(with(kSchema, rule("b", 2))));
  CHECK_FALSE(is_same(with(kSchema, two + rule("c", 1))));
  CHECK_FALSE(is_same(with(kSchema, rule("a", 1, "shadow") + rule("b", 2))));
  CHECK_FALSE(is_same(with(std::string(kSchema) + "const most = 1\n", two)));
  CHECK_FALSE(is_same(pack.with_rollout("b", {})));
  CHECK_FALSE(is_same(pack.with_rollout("a", *parse_rollout("live 10%"))));
  CHECK_FALSE(is_same(pack.with_rollout("a", {RuleStage::kShadow})));
  CHECK_FALSE(is_same(*pack.with_file("list.csv", "a\n")));
  // The same rule, whether its text said `status live` or nothing.
  CHECK(is_same(with(kSchema, rule("a", 1, "live") + rule("b", 2))));
  // What cannot be parsed counts as it is.
  CHECK_FALSE(is_same(with(kSchema, two + "rule {")));
}

TEST_CASE("rollout gates: holding back alone is told from everything else") {
  const RulePack pack = pack_of(kSchema, rule("a", 1) + rule("b", 2));
  const auto half = *parse_rollout("live 50%");
  CHECK(only_holds_back(pack, pack));
  CHECK(only_holds_back(pack, pack.with_rollout("a", half)));
  CHECK(only_holds_back(pack, pack.with_rollout("a", {RuleStage::kShadow})));
  CHECK(only_holds_back(pack.with_rollout("a", half),
                        pack.with_rollout("a", *parse_rollout("live 5%"))));
  CHECK_FALSE(only_holds_back(pack.with_rollout("a", half), pack));
  CHECK_FALSE(
      only_holds_back(pack.with_rollout("a", {RuleStage::kShadow}), pack.with_rollout("a", half)));
  CHECK_FALSE(only_holds_back(pack.with_rollout("a", half), pack.with_rollout("b", half)));
  CHECK_FALSE(only_holds_back(pack, pack_of(kSchema, rule("a", 1))));
}

// Changes by random people, beside what the definition of each gate says of them.
class Story {
 public:
  explicit Story(tests::Random& random) : random_(random) {
    settings_.gates.approvals = random_.below(3);
    settings_.gates.backs_alone = random_.below(2) == 0;
    if (random_.below(2) == 0) settings_.gates.shadow = cep::Duration{5 * kSecond};
    if (random_.below(2) == 0) {
      settings_.gates.backtest = {kAlertsMax, {100 * kSecond}, {20 * kSecond + kSecond / 2}};
    }
    settings_.wait_max = cep::Duration{60 * kSecond};
    settings_.changes_max = 5;
    world_.open(pack_of(kSchema, rule("a", 1) + rule("b", 2)));
    open();
  }
  void play() {
    for (int step = 0; step < 40; ++step) {
      world_.clock.passed_us += static_cast<std::int64_t>(random_.below(3)) * kSecond;
      switch (random_.below(9)) {
        case 0:
          open();  // as after a crash: all that was answered is in the files
          break;
        case 8:
          change_role();
          break;
        case 1:
          withdraw();
          break;
        case 2:
        case 3:
        case 4:
          approve();
          break;
        default:
          ask();
      }
    }
  }

 private:
  struct Asked {
    std::string who;
    std::string before, after;  // live()
    RuleEdit edit;
    std::int64_t at_us = 0;
    Role role = Role::kReader;  // that `who` had
    std::set<std::string> approvals;
  };

  // A backtest, and the texts that it was of.
  struct Ran {
    std::shared_ptr<const BacktestRates> rates;
    std::int64_t at_us = 0;
    std::string schema;
    std::map<std::string, std::string> texts;  // without `status`
  };

  void open() {
    changes_.reset();
    auto opened =
        ChangeService::open(world_.files, world_.clock, "d/changes", *world_.service, settings_);
    REQUIRE_MESSAGE(opened, opened.error().message);
    changes_ = *std::move(opened);
    changes_->use_standing([this](const std::string& who, const std::string& by, Role needs) {
      CHECK(by == "entry of " + who);
      return stands(who, needs);
    });
    changes_->use_backtests([this] {
      std::vector<std::shared_ptr<const BacktestRates>> rates;
      for (const Ran& one : ran_) rates.push_back(one.rates);
      return rates;
    });
  }
  RulePack now() const { return world_.service->current()->pack; }

  // What live rules do, as plainly as can be: all texts that are no rules, and live rules' own.
  static std::string live(const RulePack& pack) {
    std::string all(*pack.file("schema.tocsin"));
    for (const auto& [id, text] : live_rules(pack)) all += id + ":" + text;
    return all;
  }
  static std::map<std::string, std::string> live_rules(const RulePack& pack,
                                                       bool with_share = true) {
    std::map<std::string, std::string> live;
    for (const RuleText& one : pack.rules()) {
      const Rollout rollout = rollout_of(pack.rollouts(), one.id);
      if (rollout.stage != RuleStage::kLive) continue;
      if (one.text.find("status shadow") != std::string::npos) continue;
      live[one.id] = (with_share ? text_of(rollout) : "") + one.text;
    }
    return live;
  }
  bool only_back(const RulePack& before, const RulePack& after) const {
    if (before.with_rollouts({}).etag() != after.with_rollouts({}).etag()) return false;
    for (const RuleText& one : before.rules()) {
      const Rollout was = rollout_of(before.rollouts(), one.id);
      const Rollout is = rollout_of(after.rollouts(), one.id);
      if (was == is || is.stage != RuleStage::kLive) continue;
      if (was.stage != RuleStage::kLive || !was.share.has_all_of(is.share)) return false;
    }
    return true;
  }
  // Whether a rule has been in shadow or live with this text for so long, version by version.
  bool has_served(const std::string& id, const std::string& text) const {
    std::optional<std::int64_t> since;
    for (const RuleVersion& version : world_.service->versions()) {
      const auto pack = world_.service->pack_of(version.number);
      REQUIRE(pack);
      const auto one = pack->rule(id);
      if (!one || without_status(one->text) != without_status(text)) break;
      const RuleStage stage = rollout_of(pack->rollouts(), id).stage;
      if (stage != RuleStage::kLive && stage != RuleStage::kShadow) break;
      since = version.at.us;
    }
    const std::int64_t now = world_.clock.passed_us + kSecond;
    return since && (now - *since + kSecond / 2) / kSecond >= 5;
  }
  static std::string without_status(std::string text) {
    constexpr std::string_view kStatus = "  status shadow\n";
    const std::size_t place = text.find(kStatus);
    return place == std::string::npos ? text : text.erase(place, kStatus.size());
  }
  bool is_closed(const RuleEdit& edit, const RulePack& before, const RulePack& after) const {
    if (edit.kind == RuleEdit::Kind::kVersion || only_back(before, after)) return false;
    if (settings_.gates.backtest && is_too_noisy(before, after)) return true;
    if (!settings_.gates.shadow) return false;
    const auto was = live_rules(before, false);
    for (const auto& [id, text] : live_rules(after, false)) {
      const auto known = was.find(id);
      if (known != was.end() && known->second == text) continue;
      if (!has_served(id, text)) return true;
    }
    return false;
  }

  // Mostly one that counts, of the rules as the edit would make them.
  void run_backtest(const RuleEdit& edit) {
    const auto pack = edited(*world_.service, now(), edit);
    if (!pack) return;
    auto rates = std::make_shared<BacktestRates>();
    const PackDigests digests = pack->digests();
    rates->backtest = ran_.size() + 1;
    rates->ended_at.us = kSecond + world_.clock.passed_us;
    rates->to_the_end = random_.below(8) != 0;
    rates->last_event.us = static_cast<std::int64_t>(98 + random_.below(12)) * kSecond;
    rates->shared = digests.shared;
    Ran ran{nullptr, world_.clock.passed_us, std::string(*pack->file("schema.tocsin")), {}};
    for (const RuleText& one : pack->rules()) {
      ran.texts[one.id] = without_status(one.text);
      const std::uint64_t alerts =
          random_.below(5) == 0 ? kAlertsMax + 1 : random_.below(kAlertsMax);
      rates->rules[one.id] = {digests.rules.at(one.id), 2 * alerts, 20'000, alerts};
    }
    ran.rates = std::move(rates);
    ran_.insert(ran_.begin(), std::move(ran));
  }
  // By the definition of the gate, on texts instead of digests.
  bool is_too_noisy(const RulePack& before, const RulePack& after) const {
    const std::string schema(*after.file("schema.tocsin"));
    const auto was = live_rules(before, false);
    std::set<std::string> changed;
    for (const auto& [id, text] : live_rules(after, false)) {
      const auto known = was.find(id);
      const bool is_same = schema == *before.file("schema.tocsin") && known != was.end() &&
                           without_status(known->second) == without_status(text) &&
                           rollout_of(before.rollouts(), id)
                               .share.has_all_of(rollout_of(after.rollouts(), id).share);
      if (!is_same) changed.insert(id);
    }
    if (changed.empty()) return false;
    for (const Ran& ran : ran_) {
      const bool is_of_these =
          ran.schema == schema &&
          std::ranges::all_of(live_rules(after, false), [&](const auto& one) {
            const auto known = ran.texts.find(one.first);
            return known != ran.texts.end() && known->second == without_status(one.second);
          });
      if (!is_of_these || !ran.rates->to_the_end) continue;
      if (ran.rates->last_event.us < 99 * kSecond) continue;  // a hundredth less than 100 seconds
      if (world_.clock.passed_us - ran.at_us > 20 * kSecond) continue;
      return std::ranges::any_of(changed, [&](const std::string& id) {
        return ran.rates->rules.at(id).on_that_day > kAlertsMax;
      });
    }
    return true;
  }

  RuleEdit random_edit() {
    const std::string id(1, static_cast<char>('a' + random_.below(3)));
    constexpr const char* kStages[] = {"draft",    "shadow",   "live",
                                       "live 10%", "live 60%", "retired"};
    switch (random_.below(6)) {
      case 0:
        return {.kind = RuleEdit::Kind::kPutRule,
                .rule = id,
                .text = rule(id, static_cast<int>(random_.below(3)),
                             random_.below(2) == 0 ? "shadow" : ""),
                .begins_in_shadow = random_.below(2) == 0};
      case 1:
        return {.kind = RuleEdit::Kind::kRemoveRule, .rule = id};
      case 2:
        return {.kind = RuleEdit::Kind::kFiles,
                .files = {{"schema.tocsin",
                           fmt::format("{}const most = {}\n", kSchema, random_.below(2))}},
                .keeps_others = true};
      case 3:
        return {.kind = RuleEdit::Kind::kVersion,
                .version = 1 + random_.below(world_.service->current()->version)};
      default:
        return {.kind = RuleEdit::Kind::kStage,
                .rule = id,
                .rollout = *parse_rollout(kStages[random_.below(std::size(kStages))])};
    }
  }
  std::string somebody() {
    constexpr const char* kPeople[] = {"ann", "ben", "cid", "dee"};
    return kPeople[random_.below(std::size(kPeople))];
  }

  // Whether somebody has a role, or had one that was taken from them.
  bool stands(const std::string& who, Role needs) const {
    const auto found = roles_.find(who);
    return found == roles_.end() || (found->second && may(*found->second, needs));
  }
  void change_role() {
    constexpr std::optional<Role> kRoles[] = {std::nullopt, Role::kReader, Role::kApprover,
                                              Role::kAnalyst, Role::kAdmin};
    roles_[somebody()] = kRoles[random_.below(std::size(kRoles))];
  }

  void ask() {
    const RuleEdit edit = random_edit();
    const std::string who = somebody();
    Author author{random_.below(2) == 0, random_.below(10) == 0 ? "incident" : ""};
    author.role = random_.below(2) == 0 ? Role::kAnalyst : Role::kOperator;
    author.by = "entry of " + who;
    if (random_.below(2) == 0) run_backtest(edit);
    const RulePack before = now();
    auto after = edited(*world_.service, before, edit);
    const std::size_t waited = changes_->waiting().size();
    const auto made = changes_->make(author, {.who = who, .ignores_tests = true}, edit);
    forget_old();
    if (!after) {
      CHECK_FALSE(made);
      return;
    }
    LoadedRules loaded;
    if (RuleService::check(*after, true, loaded)) {
      CHECK_FALSE(made);
      CHECK(now().etag() == before.etag());
      return;
    }
    const bool is_free = !author.override_reason.empty();
    if (!is_free && is_closed(edit, before, *after)) {
      REQUIRE_FALSE(made);
      CHECK(made.error().why == Why::kNotAllowed);
      CHECK(now().etag() == before.etag());
      return;
    }
    const bool is_back = edit.kind == RuleEdit::Kind::kVersion || only_back(before, *after);
    const bool is_beyond = !author.is_operator && before.rule(edit.rule) &&
                           before.etag() != after->etag() &&
                           rollout_of(before.rollouts(), edit.rule).stage == RuleStage::kLive;
    const bool needs_others = !is_free && settings_.gates.approvals > 0 &&
                              (is_beyond || live(before) != live(*after)) &&
                              !(is_back && author.is_operator && settings_.gates.backs_alone);
    if (!needs_others) {
      REQUIRE_MESSAGE(made, made.error().detail);
      CHECK(std::get<Deployed>(*made).etag == after->etag());
      CHECK(now().etag() == after->etag());
      return;
    }
    CHECK(now().etag() == before.etag());
    if (!made) {
      CHECK(made.error().why == Why::kNotAllowed);
      CHECK(waited >= settings_.changes_max);
      return;
    }
    const auto& waiting = std::get<WaitingChange>(*made);
    asked_.try_emplace(
        waiting.id, Asked{who, live(before), live(*after), edit, waiting.at.us, author.role, {}});
    CHECK(asked_.at(waiting.id).before == live(before));
    CHECK(asked_.at(waiting.id).after == live(*after));
  }

  void forget_old() {
    std::erase_if(asked_, [&](const auto& one) {
      return world_.clock.passed_us - one.second.at_us > settings_.wait_max.us - kSecond;
    });
  }
  std::string some_change() {
    const std::vector<WaitingChange> waiting = changes_->waiting();
    return waiting.empty() ? "none" : waiting[random_.below(waiting.size())].id;
  }
  void withdraw() {
    const std::string id = some_change();
    CHECK(changes_->withdraw(id).has_value() == (id != "none"));
    CHECK_FALSE(changes_->find(id));
    asked_.erase(id);
  }

  void approve() {
    const std::string id = some_change();
    const std::string who = somebody();
    if (!stands(who, Role::kApprover)) return;  // they are not heard
    const RulePack before = now();
    const auto made = changes_->approve(id, {who, {}, "yes", "entry of " + who});
    forget_old();
    const auto known = asked_.find(id);
    if (known == asked_.end()) {
      if (id == "none") CHECK_FALSE(made);
      CHECK(now().etag() == before.etag());
      return;
    }
    Asked& asked = known->second;
    const bool is_stale = live(before) != asked.before;
    const bool is_allowed = who != asked.who && stands(asked.who, asked.role);
    if (!is_allowed || is_stale) {
      REQUIRE_FALSE(made);
      CHECK(made.error().why == (is_allowed ? Why::kStale : Why::kNotAllowed));
      CHECK(now().etag() == before.etag());
      return;
    }
    std::erase_if(asked.approvals,
                  [&](const std::string& one) { return !stands(one, Role::kApprover); });
    asked.approvals.insert(who);
    if (asked.approvals.size() < settings_.gates.approvals) {
      REQUIRE(made);
      CHECK(std::get<WaitingChange>(*made).approvals.size() == asked.approvals.size());
      CHECK(now().etag() == before.etag());
      return;
    }
    auto after = edited(*world_.service, before, asked.edit);
    LoadedRules loaded;
    const bool can_be = after && live(*after) == asked.after &&
                        !is_closed(asked.edit, before, *after) &&
                        !RuleService::check(*after, true, loaded);
    REQUIRE(made.has_value() == can_be);
    CHECK(now().etag() == (can_be ? after->etag() : before.etag()));
    if (!can_be) return;
    if (!std::get<Deployed>(*made).is_changed) {  // others made the same meanwhile
      asked_.erase(known);
      return;
    }
    const std::vector<std::string> by = world_.service->versions().front().approved_by;
    CHECK(std::set<std::string>(by.begin(), by.end()) == asked.approvals);
    CHECK_FALSE(changes_->find(id));
    asked_.erase(known);
  }

  tests::Random& random_;
  RuleServiceWorld world_;
  ChangeSettings settings_;
  std::unique_ptr<ChangeService> changes_;
  std::map<std::string, Asked> asked_;                // by id
  std::map<std::string, std::optional<Role>> roles_;  // that were changed
  std::vector<Ran> ran_;                              // the newest first
};

TEST_CASE("change service: random changes by random people reach live rules as the gates say") {
  tests::for_all_seeds("ROLLOUT", 150, [](tests::Random& random) { Story(random).play(); });
}

TEST_CASE("change service: a damaged change is named, and what a crash left is removed") {
  RuleServiceWorld world;
  world.open();
  ChangeSettings settings;
  settings.gates.approvals = 1;
  const auto open = [&] {
    return ChangeService::open(world.files, world.clock, "d/changes", *world.service, settings);
  };
  std::string path;
  {
    auto changes = open();
    REQUIRE(changes);
    const auto made = (*changes)->make({.is_operator = true}, {.who = "ann", .ignores_tests = true},
                                       {.kind = RuleEdit::Kind::kRemoveRule, .rule = "small"});
    REQUIRE(made);
    path = "d/changes/" + std::get<WaitingChange>(*made).id + ".json";
  }
  REQUIRE(runtime::write_synced(world.files, path + ".part", "{"));
  auto again = open();
  REQUIRE(again);
  CHECK((*again)->waiting().size() == 1);
  CHECK_FALSE(*runtime::exists(world.files, path + ".part"));
  again->reset();
  REQUIRE(runtime::remove_tree(world.files, path));
  REQUIRE(runtime::write_synced(world.files, path, "{\"id\":1}"));
  const auto damaged = open();
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == Errc::kCorrupt);
  CHECK(damaged.error().message.find(path) != std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
