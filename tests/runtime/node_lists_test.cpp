// Lists and tables that change while a node runs. The oracle is a run of the same rules in which
// what a list or table says of an event is a field of it: events are judged by what held then.
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

#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/event_time/run.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node.h"
#include "runtime/verify/verify.h"
#include "tests/runtime/list_model.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/node_deploy.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace runtime;

class NoFiles : public RangeReader {
 public:
  Result<std::string_view> read(const NodeSource& source, std::uint64_t, std::uint64_t) override {
    return fail(Errc::kNotFound, source.name);
  }
};

constexpr std::int64_t kBegin = 1'772'452'800;

// A node in memory, what it is told, and the same for the oracle.
class World {
 public:
  explicit World(Random& random) : random_(random) {
    for (const auto& [name, values] :
         std::map<std::string, std::set<std::string>>{{"blocked", {"c0"}},
                                                      {"watched", {"c1"}},
                                                      {"odd", {"1.00"}},
                                                      {"codes", {"1", "-3"}},
                                                      {"places", {"pos"}},
                                                      {"channels", {"ecom"}},
                                                      {"risks", {"0.1", "2.5"}}}) {
      model_.lists[name].declared = values;
    }
    model_.rows["c1"] = {kNever, 20, true};
    use(asked_text(model_));
  }

  void open() {
    directory_.emplace(*DataDirectory::open(files_, "disk/data", true));
    store_ = *disk_.open(effect_families());
    // Its contents are in the model; verify asks for its folder too.
    const auto fault = std::exchange(files_.fault, nullptr);
    REQUIRE(make_durable_directory(files_, DataPaths("disk/data").store));
    files_.fault = fault;
    NodeOptions options;
    options.settings = settings_of(*program_, {});
    options.texts = {{"rules:r.tocsin", text_}};
    options.intake = intake_options(program_->plan(), {});
    options.compile = [](const NodeSettings&,
                         const std::vector<NamedContents>& texts) -> Result<NodeProgram> {
      const cep::Program program = compiled(texts.front().contents);
      return NodeProgram{program, intake_options(program.plan(), {})};
    };
    options.segment_bytes = segment_bytes;
    const NodePorts ports{files_, clock_, *store_, states_, executor_, ranges_, false};
    auto node = Node::open(ports, *directory_, *program_, std::move(options));
    REQUIRE_MESSAGE(node, node.error().message);
    node_ = *std::move(node);
  }
  void crash() {
    node_.reset();
    store_.reset();
    directory_.reset();
    disk_.restart();
    files_.restart();
    CHECK(damage().empty());
    open();
  }
  // While a checkpoint is made, or what it makes unneeded is let go of.
  void crash_in_checkpoint() {
    const std::uint64_t crash_at = files_.operations() + random_.below(120);
    files_.fault = [crash_at](std::uint64_t number, FileOperation, const std::string&) {
      return number == crash_at ? Fault::kCrash : Fault::kNone;
    };
    static_cast<void>(node_->checkpoint());
    static_cast<void>(node_->poll());
    files_.fault = nullptr;
    crash();
  }
  // What `tocsin verify` finds.
  std::vector<std::string> damage() {
    const VerifyPorts ports{files_, [&](const DataPaths&) -> Result<StoreExtent> {
                              const auto reader = disk_.open_reader(effect_families());
                              return extent_of(*reader);
                            }};
    const auto report = verify_directory(ports, "disk/data");
    REQUIRE_MESSAGE(report, report.error().message);
    std::vector<std::string> found;
    for (const VerifyFinding& one : report->damaged) found.push_back(one.message);
    return found;
  }
  std::size_t replaced() const { return replaced_; }
  std::size_t blobs() { return BlobStore::look(files_, "disk/data/blobs").list()->size(); }
  void checkpoint() {
    const Result<void> done = node_->checkpoint();
    REQUIRE_MESSAGE(done, done.error().message);
    REQUIRE(node_->poll());
  }
  void deploy() {
    ModelList& list = model_.lists[random_.chance(50) ? "blocked" : "codes"];
    std::set<std::string> values = list.declared;
    const std::string& value = random_.pick(&list == &model_.lists["codes"] ? kCodes : kCards);
    if (!values.erase(value)) values.insert(value);
    if (values.empty()) values.insert("c0");
    if (&list == &model_.lists["codes"]) values.erase("c0");
    if (values.empty()) values.insert("1");
    list.declare(std::move(values), second_);
    use(asked_text(model_));
    const auto report = tests::deploy(*node_, {*program_, intake_options(program_->plan(), {})},
                                      {{"rules:r.tocsin", text_}});
    REQUIRE_MESSAGE(report, report.error().message);
    CHECK(report->data_lost.empty());
    for (const cep::RestoreReport::Line& line : report->lines) {
      CHECK(line.fate == cep::RestoreReport::Fate::kKept);  // other entries forget nothing
    }
  }

  void take() {
    std::string lines;
    for (std::size_t i = random_.below(4) + 1; i > 0; --i) {
      second_ += static_cast<std::int64_t>(random_.below(4));
      const std::string& card = random_.pick(kCards);
      const std::string& amount = random_.pick(kAmounts);
      const std::string& code = random_.pick(kCodes);
      const std::string& place = random_.pick(kPlaces);
      const std::string& channel = random_.pick(kPlaces);
      const std::string& risk = random_.pick(kRisks);
      const std::string event = fmt::format(
          R"({{"type":"payment","ts":{},"id":"e{}","card":"{}","amount":{},"mcc":{})"
          R"(,"place":"{}","channel":"{}","risk":{})",
          (kBegin + second_) * 1'000'000, ++events_, card, amount, code, place, channel, risk);
      lines += event + "}\n";
      const auto word = [](bool is) { return is ? "true" : "false"; };
      const auto in = [&](const char* list, const std::string& value) {
        return word(model_.lists.at(list).holds(value, second_));
      };
      const auto row = model_.rows.find(card);
      const bool has_row = row != model_.rows.end() && second_ < row->second.until;
      oracle_ += event + fmt::format(R"(,"is_blocked":{},"is_watched":{},"is_odd":{},"is_code":{})"
                                     R"(,"is_place":{},"is_channel":{},"is_risk":{})",
                                     in("blocked", card), in("watched", card), in("odd", amount),
                                     in("codes", code), in("places", place),
                                     in("channels", channel), in("risks", risk));
      if (has_row) {
        oracle_ += fmt::format(R"(,"is_over":{},"travels":{})",
                               word(std::stod(amount) > static_cast<double>(row->second.most)),
                               word(row->second.travels));
      }
      oracle_ += "}\n";
    }
    const Result<std::size_t> source = node_->source("-", SourceKind::kByValue);
    REQUIRE(source);
    std::string block = lines + std::string(kLinePadding, '\0');
    const auto taken =
        node_->arrive(*source, std::string_view(block).substr(0, lines.size()), nullptr);
    REQUIRE_MESSAGE(taken, taken.error().message);
  }

  void change_list() {
    static const std::vector<std::string> kLists = {"blocked", "watched",  "odd",  "codes",
                                                    "places",  "channels", "risks"};
    const std::string& name = random_.pick(kLists);
    ModelList& model = model_.lists[name];
    const std::size_t what = random_.below(10);
    std::string json = "[";
    std::size_t count = what < 5 ? random_.below(2) + 1 : random_.below(3);
    if (what == 9) {
      model.changes.clear();
      model.is_replaced = false;
      give({false, name}, ListAction::kReset, "[]");
      return;
    }
    const ListAction action = what < 5   ? ListAction::kAdd
                              : what < 8 ? ListAction::kRemove
                                         : ListAction::kReplace;
    if (action == ListAction::kReplace) {
      model.changes.clear();
      model.is_replaced = true;
    }
    for (; count > 0; --count) {
      const std::string& value = random_.pick(values_of(name));
      if (json.size() > 1) json += ',';
      if (action == ListAction::kRemove) {
        const bool is_known = model.changes.contains(value);
        if (!model.is_replaced && model.declared.contains(value)) {
          model.changes[value] = std::nullopt;
        } else if (is_known) {
          model.changes.erase(value);
        }
        json += fmt::format(R"("{}")", value);
        continue;
      }
      const std::int64_t until =
          random_.chance(40) ? second_ + static_cast<std::int64_t>(random_.below(30)) : kNever;
      model.changes[value] = until;
      json += until == kNever ? fmt::format(R"("{}")", value)
                              : fmt::format(R"(["{}",{}])", value, (kBegin + until) * 1'000'000);
    }
    give({false, name}, action, json + "]");
  }

  // With entries that no other has.
  void replace_list() {
    ModelList& model = model_.lists["blocked"];
    model.changes.clear();
    model.is_replaced = true;
    ++replaced_;
    const std::string& card = random_.pick(kCards);
    const std::int64_t until = second_ + static_cast<std::int64_t>(random_.below(1'000'000));
    model.changes[card] = until;
    give({false, "blocked"}, ListAction::kReplace,
         fmt::format(R"([["{}",{}]])", card, (kBegin + until) * 1'000'000));
  }

  void change_table() {
    const std::string& card = random_.pick(kCards);
    if (random_.chance(30)) {
      model_.rows.erase(card);
      give({true, "profiles"}, ListAction::kRemove, fmt::format(R"([[["{}"]]])", card));
      return;
    }
    ModelRow row;
    row.most = static_cast<std::int64_t>(random_.below(45));
    row.travels = random_.chance(40);
    if (random_.chance(40)) row.until = second_ + static_cast<std::int64_t>(random_.below(30));
    const bool is_whole = random_.chance(10);
    if (is_whole) model_.rows.clear();
    model_.rows[card] = row;
    std::string json = fmt::format(R"([[["{}"],["{}",{}])", card, row.most,
                                   row.travels ? R"(["NO"])" : R"(["SE"])");
    if (row.until != kNever) json += fmt::format(",{}", (kBegin + row.until) * 1'000'000);
    give({true, "profiles"}, is_whole ? ListAction::kReplace : ListAction::kAdd, json + "]]");
  }

  void compare() {
    finish();
    const std::vector<std::string> wanted = expected();
    const std::vector<std::string> found = alerts();
    CHECK(found.size() == wanted.size());
    for (std::size_t i = 0; i < std::min(found.size(), wanted.size()); ++i) {
      if (found[i] == wanted[i]) continue;
      CHECK(found[i] == wanted[i]);  // the first difference says enough
      break;
    }
  }
  void finish() {
    const Result<void> settled = node_->end_time();
    REQUIRE_MESSAGE(settled, settled.error().message);
    const Result<void> closed = node_->close();
    REQUIRE_MESSAGE(closed, closed.error().message);
  }
  // "rule: message" of each alert.
  std::vector<std::string> alerts() {
    std::vector<std::string> found;
    const std::unique_ptr<StoreReader> stored = disk_.open_reader(effect_families());
    const Result<EffectReader> reader = EffectReader::open(*stored);
    REQUIRE(reader);
    REQUIRE(reader->alerts(1, [&](const StoredAlert& alert) {
      found.push_back(alert.rule + message_of(alert.line));
      return true;
    }));
    return found;
  }
  std::vector<std::string> expected() const {
    static const cep::Program kOracle = compiled(oracle_text());
    std::vector<std::string> alerts;
    Sinks sinks;
    sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
      const cep::Plan& plan = kOracle.plan();
      alerts.push_back(plan.rules[alert.rule.value].id +
                       message_of(cep::format_alert(plan, alert)));
      return {};
    };
    REQUIRE(run(kOracle, {{"-", oracle_}}, {}, sinks));
    return alerts;
  }

  std::uint64_t segment_bytes = std::uint64_t{64} << 20;  // of the journal

 private:
  static std::string message_of(const std::string& line) {
    const std::size_t begin = line.find(R"("message":)");
    return ": " + line.substr(begin, line.find(R"(,"fields")", begin) - begin);
  }
  void use(std::string text) {
    text_ = std::move(text);
    program_ = compiled(text_);
  }
  void give(const ListName& name, ListAction action, const std::string& json) {
    const ListOrTable what = find_list(program_->data(), name);
    auto entries = read_entries(what, json);
    REQUIRE_MESSAGE(entries, entries.error().message);
    auto change = prepare_list_change(*program_, name, action, "ann", *std::move(entries));
    REQUIRE_MESSAGE(change, change.error().message);
    const auto changed = node_->change_list(*change);
    REQUIRE_MESSAGE(changed, changed.error().message);
    CHECK(node_->lists().revision(name) == changed->record);
  }

  Random& random_;
  Model model_;
  std::string text_;
  std::optional<cep::Program> program_;
  std::int64_t second_ = 0;
  std::size_t events_ = 0;
  std::size_t replaced_ = 0;  // by replace_list()
  std::string oracle_;        // the lines that it reads
  SimulatedFiles files_;
  SystemClock clock_;
  ModelDisk disk_;
  ModelStateStores states_{files_};
  InlineExecutor executor_;
  NoFiles ranges_;
  std::optional<DataDirectory> directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Node> node_;
};

TEST_CASE("node: lists and tables change between events, through deploys, checkpoints, crashes") {
  std::size_t alerts = 0;
  for_all_seeds("LISTS", 60, [&](Random& random) {
    World world(random);
    world.open();
    for (int step = 0; step < 60; ++step) {
      const std::size_t what = random.below(100);
      if (what < 50) world.take();
      if (what >= 50 && what < 75) world.change_list();
      if (what >= 75 && what < 86) world.change_table();
      if (what >= 86 && what < 90) world.deploy();
      if (what >= 90 && what < 94) world.checkpoint();
      if (what >= 94) world.crash();
    }
    world.compare();
    alerts += world.expected().size();
  });
  MESSAGE(alerts << " alerts compared");
  CHECK(alerts > 100);
}

TEST_CASE(
    "node: entries of replaced lists are kept as long as something needs them, and no longer") {
  std::size_t most = 0;
  std::size_t left = 0;
  std::size_t replaced = 0;
  for_all_seeds("BLOBS", 40, [&](Random& random) {
    const bool is_cut_short = random.chance(50);
    World world(random);
    world.segment_bytes = 16 << 10;
    world.open();
    for (int step = 0; step < 120; ++step) {
      const std::size_t what = random.below(100);
      if (what < 50) world.take();
      if (what >= 50 && what < 75) world.replace_list();
      if (what >= 75 && what < 90) world.checkpoint();
      if (what >= 90 && what < 95) world.crash();
      if (what >= 95 && is_cut_short) world.crash_in_checkpoint();
      most = std::max(most, world.blobs());
    }
    world.replace_list();
    // The journal lets go of the segments that name others, and so do the checkpoints.
    for (int i = 0; i < 5; ++i) {
      for (int lines = 0; lines < 60; ++lines) world.take();
      world.checkpoint();
    }
    // The rules, and the entries that hold; of those that a crash found halfway some may stay.
    if (!is_cut_short) CHECK(world.blobs() == 2);
    left += world.blobs();
    replaced += world.replaced();
    world.crash();
    world.compare();
  });
  CHECK(most > 5);
  MESSAGE(replaced << " replaced, " << left << " left");
  CHECK(left < replaced / 5);
}

TEST_CASE("lists: phrases and patterns are not changed by entry") {
  const cep::Program program = compiled(
      "event payment { ts: time, id: string id, card: string, place: enum(pos, atm), note: string "
      "}\n"
      "list places : string = [\"pos\"]\nlist phrases : text = [\"gift card\"]\n"
      "list patterns : regex = [/gift.?card/]\n"
      "rule r \"R\" { by card when payment where place in places or note contains any of phrases "
      "or "
      "note matches any of patterns }");
  for (const std::string name : {"places", "phrases", "patterns"}) {
    CAPTURE(name);
    const auto change = prepare_list_change(program, {false, name}, ListAction::kReset, "ann", {});
    if (name == "places") {
      CHECK(change);
      continue;
    }
    REQUIRE_FALSE(change);
    CHECK(change.error().code == Errc::kUnsupported);
    CHECK(change.error().message.find("change it in the rule pack") != std::string::npos);
  }
}
}  // namespace
}  // namespace tocsin::tests
