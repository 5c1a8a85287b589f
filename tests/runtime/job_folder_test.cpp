// State folders that are refused: damaged, cut, in parts, of other versions, of jobs that are not
// at rest; and states of one machine that are.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/plan/plan.h"
#include "cep/plan/semantics.h"
#include "cep/stage/stage_state.h"
#include "runtime/job_state/conversion.h"
#include "runtime/job_state/intake_image.h"
#include "runtime/job_state/job_folder.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node_settings.h"
#include "tests/support/memory_machine.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time up to 2s late, id: string id unique within 1h, card: string, shop: string, amount: int }
event note { ts: time, card: string }

list blocked : string = ["c9"]

feature shop_hour = count(payment) by shop over previous 1h

rule pair "Two" {
  by card
  when payment as a then payment as b where shop_hour > 0 and card not in blocked within 1h
  once per 10m for each b.shop
  alert "{a.amount}"
}
rule noted "A note" { by card when note alert "noted" }
)";

cep::Program compiled(bool by_pass) {
  const auto plan = plan_of(kRules);
  auto program = by_pass ? cep::compile_by_pass(plan) : cep::compile(plan);
  REQUIRE_MESSAGE(program, program.error().message);
  return *program;
}

struct Entry {
  std::string stage;
  std::uint32_t group = 0;
  std::string key;
  std::string value;
};

// A state folder of a machine that took some lines, and what may become of it.
class FolderWorld {
 public:
  FolderWorld() {
    machine_.emplace(world_, "disk/data", whole_, intake_options(), cep::EventTime{0},
                     std::nullopt);
    machine_->open("p");
    for (int i = 0; i < 20; ++i) {
      machine_->take("p", fmt::format(R"({{"type":"payment","ts":"2026-03-02T12:00:{:02}Z",)"
                                      R"("id":"{}","card":"c{}","shop":"s","amount":{}}})",
                                      i, i, i % 3, i));
    }
    machine_->take("p", R"({"type":"note","ts":"2026-03-02T12:00:17Z","card":"c1"})");
  }
  runtime::IntakeOptions intake_options() const {
    runtime::IntakeOptions options;
    options.policy.bound = cep::Duration{2'000'000};
    return options;
  }
  MemoryMachine& machine() { return *machine_; }
  SimulatedFiles& files() { return world_.files; }

  Result<runtime::ConvertedState> to_job(const std::string& folder = "disk/state") {
    const std::string savepoint = machine_->savepoint(fmt::format("s{}", ++number_));
    return runtime::job_of_savepoint(ports(), split_, {savepoint, folder, cep::kSemantics});
  }
  Result<runtime::ConvertedState> to_machine(const std::string& folder = "disk/state") {
    runtime::SavepointOfJob options;
    options.from = folder;
    options.to = fmt::format("disk/savepoint{}", ++number_);
    options.settings = runtime::settings_of(whole_, {});
    options.find_source = [](const std::string& name,
                             std::uint64_t next) -> Result<std::optional<runtime::NodeSource>> {
      runtime::NodeSource source;
      source.name = name;
      source.lines.number = source.next_offset = next - 1;
      return std::optional(std::move(source));
    };
    return runtime::savepoint_of_job(ports(), whole_, options);
  }
  // The folder with other entries.
  std::string changed(const std::function<void(std::vector<Entry>&)>& change,
                      std::uint32_t semantics = cep::kSemantics) {
    auto reader = runtime::JobFolderReader::open(world_.files, "disk/state", cep::kSemantics);
    REQUIRE(reader);
    std::vector<Entry> entries;
    for (const runtime::JobFolderFile& file : reader->head().files) {
      const auto read = reader->read(
          file,
          [&](cep::KeyGroup group, std::string_view key, std::string_view value) -> Result<void> {
            entries.push_back({file.stage, group.value, std::string(key), std::string(value)});
            return {};
          });
      REQUIRE(read);
    }
    change(entries);
    const std::string folder = fmt::format("disk/changed{}", ++number_);
    auto writer = runtime::JobFolderWriter::create(world_.files, folder);
    REQUIRE(writer);
    for (const Entry& entry : entries) {
      REQUIRE((*writer)->put(entry.stage, {entry.group}, entry.key, entry.value));
    }
    REQUIRE((*writer)->finish(semantics));
    return folder;
  }
  void check_refused(const Result<runtime::ConvertedState>& result, Errc code,
                     std::string_view text) {
    CAPTURE(text);
    REQUIRE_FALSE(result);
    CAPTURE(result.error().message);
    CHECK(result.error().code == code);
    CHECK(result.error().message.find(text) != std::string::npos);
    // Nothing is left of what was begun.
    for (const std::string& path : world_.files.paths()) {
      CHECK(path.find(".work") == std::string::npos);
      CHECK(path.find(".new") == std::string::npos);
    }
  }

 private:
  runtime::ConversionPorts ports() { return {world_.files, world_.states, clock_}; }
  cep::Program whole_ = compiled(false);
  cep::Program split_ = compiled(true);
  MemoryWorld world_;
  FixedClock clock_{cep::EventTime{0}};
  std::optional<MemoryMachine> machine_;
  int number_ = 0;
};

std::string key_of(cep::StageEntry kind) { return cep::stage_entry_key(kind); }
}  // namespace

TEST_CASE("state folder: one that is whole goes both ways, with what waits") {
  FolderWorld world;
  const auto made = world.to_job();
  REQUIRE_MESSAGE(made, made.error().message);
  CHECK(made->entries > 0);
  CHECK(made->waiting > 0);
  const auto back = world.to_machine();
  REQUIRE_MESSAGE(back, back.error().message);
  CHECK(back->waiting == made->waiting);
  CHECK(back->time == made->time);
  CHECK(back->plan == made->plan);
  REQUIRE(back->sources.size() == 1);
  CHECK(back->sources.front().next == 22);
  world.check_refused(world.to_job(), Errc::kConflict, "is there already");
}

TEST_CASE("state folder: bytes that are others, too few or gone are refused by the file's name") {
  FolderWorld world;
  REQUIRE(world.to_job());
  for (const char* const name :
       {"judges.0", "intake.0", "pass-0.0", "pass-1.0", "hold-1.0", "alerts.0"}) {
    CAPTURE(name);
    const std::string path = std::string("disk/state/") + name;
    const std::string contents = world.files().contents(path);
    REQUIRE_FALSE(contents.empty());
    world.files().flip(path, contents.size() / 2, 4);
    const auto flipped = world.to_machine();
    REQUIRE_FALSE(flipped);
    CHECK(flipped.error().code == Errc::kCorrupt);
    world.files().put(path, contents.substr(0, contents.size() - 1));
    world.check_refused(world.to_machine(), Errc::kCorrupt, path + " is damaged: it has");
    REQUIRE(world.files().remove(path));
    world.check_refused(world.to_machine(), Errc::kCorrupt, path + " is missing");
    world.files().put(path, contents);
    REQUIRE(world.to_machine());
  }
}

TEST_CASE("state folder: a head that is gone, damaged, newer or of other semantics is refused") {
  FolderWorld world;
  REQUIRE(world.to_job());
  const std::string path = "disk/state/HEAD";
  const std::string head = world.files().contents(path);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string other = head;
    other.replace(other.find(from), from.size(), to);
    world.files().put(path, other);
    return world.to_machine();
  };
  world.check_refused(with("\"format\":1", "\"format\":2"), Errc::kOtherVersion,
                      "use the version of Tocsin that made it");
  world.check_refused(with(fmt::format("\"semantics\":{}", cep::kSemantics), "\"semantics\":9"),
                      Errc::kOtherVersion, "runs under semantics");
  world.check_refused(with("\"files\"", "\"others\""), Errc::kCorrupt, "HEAD is damaged");
  world.check_refused(with("alerts.0", "../alerts"), Errc::kCorrupt, "HEAD is damaged");
  REQUIRE(world.files().remove(path));
  world.check_refused(world.to_machine(), Errc::kNotFound, "is not the whole state of a job");
}

TEST_CASE("state folder: a job that is not at rest, or not whole, is refused with the remedy") {
  FolderWorld world;
  REQUIRE(world.to_job());
  using Entries = std::vector<Entry>;
  const auto is_head = [](const Entry& entry, const char* stage) {
    return entry.stage == stage && entry.key == key_of(cep::StageEntry::kHead);
  };
  struct Case {
    std::function<void(Entries&)> change;
    Errc code;
    const char* text;
  };
  const cep::EventTime late{1'772'452'900'000'000};
  const std::vector<Case> cases = {
      {[](Entries& all) {
         all.push_back({"pass-0", 3, key_of(cep::StageEntry::kWaiting) + "x", "row"});
       },
       Errc::kConflict, "something waits in pass 0"},
      {[&](Entries& all) {
         for (Entry& one : all) {
           if (is_head(one, "pass-1") && one.group > 500)
             one.value = cep::stage_head({late, false});
         }
       },
       Errc::kConflict, "have come to different times"},
      {[&](Entries& all) {
         for (Entry& one : all) {
           if (is_head(one, "intake") && one.group > 500) one.value[3] ^= 2;
         }
       },
       Errc::kConflict, "the intake and the passes have come to different times"},
      {[&](Entries& all) {
         const cep::StageChange change{late, {}};
         for (Entry& one : all) {
           if (is_head(one, "pass-0")) one.value = cep::stage_head({{5}, false}, &change);
         }
       },
       Errc::kConflict, "a change of rules at"},
      {[](Entries& all) {
         std::erase_if(all,
                       [](const Entry& one) { return one.stage == "hold-1" && one.group > 500; });
       },
       Errc::kCorrupt, "hold 1 has 501 of 1024 key groups"},
      {[](Entries& all) {
         std::erase_if(all,
                       [](const Entry& one) { return one.stage == "intake" && one.group > 7; });
       },
       Errc::kCorrupt, "the intake has 8 of 1024 key groups"},
      {[](Entries& all) {
         all.push_back(
             {"pass-0", 3, key_of(cep::StageEntry::kHead), cep::stage_head({{5}, false})});
       },
       Errc::kCorrupt, "key group 3 comes twice"},
      {[](Entries& all) {
         all.push_back({"oven", 3, "k", "v"});
       },
       Errc::kOtherVersion, "a stage `oven`"},
      {[&](Entries& all) {
         for (Entry& one : all) {
           if (one.key != key_of(cep::StageEntry::kHead) || one.stage == "judges") continue;
           if (one.stage != "intake") one.value = cep::stage_head({cep::kEventTimeMax, false});
         }
         std::erase_if(all,
                       [](const Entry& one) { return one.key == key_of(cep::StageEntry::kGiven); });
       },
       Errc::kConflict, "time has ended"},
  };
  for (const Case& one : cases) {
    world.check_refused(world.to_machine(world.changed(one.change)), one.code, one.text);
  }
}

TEST_CASE("state folder: what one machine has and a job has no place for is refused") {
  {
    FolderWorld world;
    world.machine().end_time();
    world.check_refused(world.to_job(), Errc::kConflict, "after time had ended");
  }
  FolderWorld world;
  runtime::Node& node = world.machine().node();
  auto change = runtime::prepare_list_change(node.program(), {false, "blocked"},
                                             runtime::ListAction::kReset, "ann", {});
  REQUIRE_MESSAGE(change, change.error().message);
  REQUIRE(node.change_list(*change));
  world.check_refused(world.to_job(), Errc::kConflict, "write them into the files");
}

TEST_CASE("state folder: an intake's state as data has its bytes") {
  FolderWorld world;
  const std::string folder = world.machine().savepoint("made");
  const std::string bytes = world.files().contents(folder + "/intake");
  const auto image = runtime::read_intake(bytes);
  REQUIRE_MESSAGE(image, image.error().message);
  CHECK_FALSE(image->waiting.empty());
  CHECK_FALSE(image->ids.empty());
  const std::string written = runtime::write_intake(*image);
  const auto again = runtime::read_intake(written);
  REQUIRE(again);
  CHECK(runtime::write_intake(*again) == written);
  CHECK(again->waiting.size() == image->waiting.size());
  // But for the counts, which begin anew, the end is the same.
  CHECK(bytes.ends_with(written.substr(written.size() / 2)));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(runtime::read_intake(std::string_view(bytes).substr(0, size)));
  }
}
}  // namespace tocsin::tests
