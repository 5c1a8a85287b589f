/// New rules for a node, in one go.
#pragma once
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "runtime/node/node.h"

namespace tocsin::tests {
/// Prepares the rules and activates them at once; fails as Node::prepare() and activate() do.
inline Result<cep::RestoreReport> deploy(runtime::Node& node, runtime::NodeProgram program,
                                         std::vector<runtime::NamedContents> texts) {
  if (auto prepared = node.prepare(std::move(program), std::move(texts)); !prepared) {
    return tl::unexpected(prepared.error());
  }
  return node.activate();
}
}  // namespace tocsin::tests
