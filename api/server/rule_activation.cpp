#include "api/server/rule_activation.h"

#include <utility>

#include "api/server/server_context.h"

namespace tocsin::api {
Result<Activated> activate_rules(NodeService& service, runtime::NodeProgram program,
                                 std::vector<runtime::NamedContents> texts) {
  Result<cep::RestoreReport> report;
  Activated activated;
  bool is_begun = false;
  const auto step = [&](runtime::Node& node) {
    if (!is_begun) {
      is_begun = true;
      const Result<void> prepared = node.prepare(std::move(program), std::move(texts));
      if (!prepared) report = tl::unexpected(prepared.error());
      return !prepared.has_value();
    }
    if (!node.is_prepared()) return false;
    report = node.activate();
    activated.settings = node.settings();
    activated.record = node.next_sequence() - 1;
    return true;
  };
  const Served<void> asked = service.pursue(step, kAskPatience);
  if (!asked) return fail(Errc::kIo, asked.error().detail);
  if (!report) return tl::unexpected(report.error());
  activated.report = *std::move(report);
  return activated;
}

RuleServicePorts rule_ports(NodeService& service, runtime::Files& files, runtime::Clock& clock,
                            const runtime::DataPaths& paths,
                            const runtime::RunOptions& run_options) {
  return {
      files,
      clock,
      paths.directory + "/rules",
      paths.blobs,
      [&run_options](const cep::Plan& plan) { return runtime::intake_options(plan, run_options); },
      [&service](runtime::NodeProgram program, std::vector<runtime::NamedContents> texts) {
        return activate_rules(service, std::move(program), std::move(texts));
      },
      [&service](std::uint64_t record) -> Result<void> {
        if (record == 0) return {};
        const Served<void> durable = service.wait_durable(record, kDiskPatience);
        if (!durable) return fail(Errc::kIo, durable.error().detail);
        return {};
      }};
}
}  // namespace tocsin::api
