#include "tests/simulation/world.h"

#include <algorithm>

#include "cep/plan/zone.h"
#include "rules/context/rules.h"
#include "runtime/event_time/watermark.h"
#include "runtime/io/topic_partition.h"
#include "tests/support/engine_run.h"
#include "tests/support/event_json.h"
#include "tests/support/plan_merge.h"
#include "tests/support/plan_source.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"

namespace tocsin::simulation {
using tests::Random;

std::string ScriptedSource::text() const {
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

namespace {
constexpr std::int64_t kSecond = 1'000'000;

// What may stand between good lines.
std::string bad_line(Random& random) {
  return random.pick<std::string>({"", "   ", "not an event", "{\"type\":", "[1,2]", "{\"ts\":1}",
                                   "{\"type\":\"unheard_of\"}", std::string(3000, 'x')});
}

void shift(const cep::Plan& plan, oracle::Event& event, cep::Duration by) {
  event.ts = event.ts + by;
  const cep::EventType& type = plan.event_types[event.type.value];
  event.fields[type.time_field.value] = cep::OwnedValue(cep::Value::time(event.ts));
}

void choose_options(Random& random, World& world) {
  world.intake.policy.bound = runtime::bound_of(*world.plan);
  if (random.chance(50)) world.intake.policy.bound = {kSecond * random.between(0, 5)};
  if (random.chance(50)) world.intake.policy.late = runtime::LatePolicy::kClamp;
  if (random.chance(25)) {
    world.intake.policy.late_max = cep::Duration{kSecond * random.between(0, 4)};
  }
  if (random.chance(40)) world.intake.ahead_max = cep::Duration{kSecond * random.between(5, 60)};
  if (random.chance(50)) world.intake.jump_max = cep::Duration{kSecond * random.between(5, 60)};
  if (random.chance(25)) world.intake.drift_max = cep::Duration{kSecond * random.between(1, 10)};
  if (random.chance(50)) world.intake.unknown_types = runtime::UnknownTypes::kDead;
  world.intake.slice_rows_max = random.pick<std::size_t>({1, 2, 7, 64, 2048});
  world.intake.line_bytes_max = random.pick<std::size_t>({2000, 1 << 20});
  world.arrivals.bound = world.intake.policy.bound;
  world.arrivals.late = world.intake.policy.late == runtime::LatePolicy::kClamp
                            ? oracle::Late::kClamp
                            : oracle::Late::kSide;
  world.arrivals.late_max = world.intake.policy.late_max;
  world.arrivals.ahead_max = world.intake.ahead_max;
  world.arrivals.jump_max = world.intake.jump_max;
  world.arrivals.ignores_unknown = world.intake.unknown_types == runtime::UnknownTypes::kIgnore;
  world.arrivals.line_bytes_max = world.intake.line_bytes_max;
}
void add_sources(Random& random, World& world) {
  const bool has_topics = random.chance(30);
  std::uint32_t partitions[] = {0, 0};
  const std::size_t count = 1 + random.below(has_topics ? 4 : 3);
  for (std::size_t i = 0; i < count; ++i) {
    ScriptedSource& source = world.sources.emplace_back();
    if (has_topics && (i == 0 || random.chance(75))) {
      const std::size_t topic = random.below(2);
      source.is_partition = true;
      source.name = runtime::partition_source({topic == 0 ? "t" : "u", partitions[topic]++});
      continue;
    }
    const bool by_position = random.chance(30);
    source.name = by_position ? "file-" + std::to_string(i)
                  : i == 0    ? "-"
                              : "topic/" + std::to_string(i);
    source.kind = by_position ? runtime::SourceKind::kByPosition : runtime::SourceKind::kByValue;
  }
  if (!has_topics) return;
  // One that waits for others waits until they are idle.
  if (world.intake.drift_max || random.chance(70)) {
    world.idle_after = cep::Duration{kSecond * random.between(2, 20)};
  }
  if (random.chance(30)) world.heartbeat = cep::Duration{kSecond * random.between(1, 10)};
}
// The world's rules with others beside them; nothing where those match almost without end.
std::optional<cep::Program> make_beside(Random& random, const World& world,
                                        const std::vector<oracle::Event>& events) {
  cep::Plan other = tests::random_language_plan(random, &*world.plan);
  for (cep::Zone& zone : other.zones) {  // a zone has the same rules for both
    const auto own = std::ranges::find(world.plan->zones, zone.name, &cep::Zone::name);
    if (own != world.plan->zones.end()) zone = *own;
  }
  std::optional<cep::Plan> more = tests::merged(*world.plan, other, "other_", random.chance(50));
  if (!more) return std::nullopt;
  const auto plan = std::make_shared<const cep::Plan>(*std::move(more));
  const Result<cep::Program> bounded = cep::compile(plan);
  if (!bounded) return std::nullopt;
  const std::vector<oracle::PlacedEvent> placed = oracle::place_events(*plan, events, {});
  for (const cep::Alert& alert :
       tests::run_engine(*bounded, placed, cep::kEventTimeMax, {.rows = 16})) {
    if (alert.budget) return std::nullopt;
  }
  const Result<cep::Program> beside = cep::compile(plan, tests::kOutOfReach);
  return beside ? std::optional(*beside) : std::nullopt;
}
}  // namespace

std::optional<World> make_world(Random& random) {
  World world;
  const bool whole = random.chance(60);
  const cep::Plan plan = whole ? tests::random_language_plan(random) : tests::random_plan(random);
  if (whole && !tests::unsayable(plan).empty()) return std::nullopt;
  world.rules = tests::plan_source(plan);
  const rules::Loaded loaded = rules::load(
      {"rules.tocsin"}, [&](const std::string&) -> Result<std::string> { return world.rules; });
  if (!loaded.rules) return std::nullopt;
  world.plan = loaded.rules->plan;
  const Result<cep::Program> program = cep::compile(world.plan, tests::kOutOfReach);
  if (!program) return std::nullopt;
  world.program = *program;
  choose_options(random, world);

  std::vector<oracle::Event> events = tests::random_events(
      random, *world.plan,
      {.count_min = 20, .count_max = 120, .crowds = 0, .disorder = random.chance(60)});
  if (events.empty()) return std::nullopt;
  world.begin = events.front().ts;
  if (random.chance(60)) world.beside = make_beside(random, world, events);
  add_sources(random, world);
  const std::size_t count = world.sources.size();
  // Sources take turns of any length: they run behind each other.
  std::size_t at = 0;
  const std::size_t change = random.pick<std::size_t>({3, 20, 60});
  for (oracle::Event& event : events) {
    if (random.chance(change)) at = random.below(count);
    ScriptedSource& source = world.sources[at];
    const cep::EventTime time = event.ts;
    if (world.intake.ahead_max && random.chance(4)) shift(*world.plan, event, {kSecond * 100'000});
    // Without that limit, and within it: wrong clocks, and gaps.
    if (world.intake.jump_max && random.chance(4)) {
      shift(*world.plan, event, {kSecond * random.between(10, 200)});
    }
    if (random.chance(3)) {
      source.lines.push_back(bad_line(random) + "\n");
      source.times.push_back(time);
    }
    source.lines.push_back(tests::event_line(random, *world.plan, event) + "\n");
    source.times.push_back(time);
    if (random.chance(3)) {
      const std::size_t again = random.below(source.lines.size());
      source.lines.push_back(std::string(source.lines[again]));
      source.times.push_back(time);
    }
  }
  return world;
}
}  // namespace tocsin::simulation
