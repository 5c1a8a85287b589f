// Questions about the producers of pushed events, on a caller's thread.
#include <algorithm>
#include <string>
#include <utility>

#include "api/node/node_service.h"
#include "runtime/node/node_source.h"

namespace tocsin::api {
using std::chrono::milliseconds;

Served<std::vector<ProducerFigures>> NodeService::producers(const std::string& after,
                                                            std::size_t most,
                                                            milliseconds patience) {
  std::vector<ProducerFigures> found;
  const Served<void> asked = ask(
      [&](runtime::Node& node) {
        for (const runtime::NodeSource& source : node.sources()) {
          if (!runtime::is_producer(source)) continue;
          ProducerFigures one = figures_of(source);
          if (one.name > after) found.push_back(std::move(one));
        }
      },
      patience);
  if (!asked) return tl::unexpected(asked.error());
  std::ranges::sort(found, {}, &ProducerFigures::name);
  if (found.size() > most) found.resize(most);
  return found;
}

Served<std::optional<ProducerFigures>> NodeService::producer(const std::string& name,
                                                             milliseconds patience) {
  std::optional<ProducerFigures> found;
  const Served<void> asked = ask(
      [&](runtime::Node& node) {
        if (const auto known = producers_.find(name)) found = figures_of(node.sources()[*known]);
      },
      patience);
  if (!asked) return tl::unexpected(asked.error());
  return found;
}

Served<Result<bool>> NodeService::remove_producer(const std::string& name, milliseconds patience) {
  Result<bool> removed = false;
  std::uint64_t record = 0;
  const Served<void> asked = ask(
      [&](runtime::Node& node) {
        if (!producers_.find(name)) return;
        auto changed = producers_.change({true, {}, {name}});
        if (changed) {
          removed = true;
        } else {
          removed = tl::unexpected(changed.error());
        }
        record = node.next_sequence() - 1;
        node.hurry();
      },
      patience);
  if (!asked) return tl::unexpected(asked.error());
  if (removed && *removed) {
    if (auto durable = wait_durable(record, patience); !durable) {
      return tl::unexpected(durable.error());
    }
  }
  return removed;
}
}  // namespace tocsin::api
