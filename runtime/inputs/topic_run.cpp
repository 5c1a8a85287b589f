#include "runtime/inputs/topic_run.h"

#include <algorithm>
#include <chrono>

namespace tocsin::runtime {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr milliseconds kProgressInterval{200};
// How long a wait for messages lasts at most before the node goes on with other things.
constexpr milliseconds kWait{50};
// How often memory is looked at while messages are taken.
constexpr milliseconds kRoomInterval{10};

milliseconds wait_for(const TimeKeeper& keeper) {
  const std::optional<cep::Duration> due = keeper.next_due();
  if (!due) return kWait;
  return std::min(milliseconds(std::max<std::int64_t>(due->us / 1000 + 1, 1)), kWait);
}

Result<void> decide_due(Node& node, TimeKeeper& keeper) {
  for (const Decision& decision : keeper.due()) {
    if (auto decided = node.decide(decision); !decided) return decided;
  }
  return {};
}
}  // namespace

Result<void> run_topics(Node& node, TimeKeeper& keeper, TopicClient& client, TopicInputs& inputs,
                        const TopicRunOptions& options) {
  auto next_progress = steady_clock::now();
  auto next_look = next_progress;
  while (!inputs.is_over()) {
    const Result<bool> taken = inputs.step();
    if (!taken) return tl::unexpected(taken.error());
    if (!*taken) {
      if (inputs.is_over()) break;
      client.wait(wait_for(keeper));
      if (auto polled = node.poll(); !polled) return polled;
    }
    const auto now = steady_clock::now();
    if (*taken && now < next_look) continue;
    next_look = now + kRoomInterval;
    if (auto decided = decide_due(node, keeper); !decided) return decided;
    if (auto room = node.check_room(); !room) return room;
    if (options.stop_requested && options.stop_requested()) return fail(Errc::kStopped, "stopped");
    if (options.note) {
      for (const std::string& note : inputs.take_notes()) options.note(note);
    }
    if (!options.progress || now < next_progress) continue;
    next_progress = now + kProgressInterval;
    options.progress({inputs.bytes_taken(), 0, node.summary().events, node.summary().alerts});
  }
  return {};
}
}  // namespace tocsin::runtime
