/// The steps that erase a person, one after the other, beside the server's work.
#pragma once
#include <functional>
#include <string>

#include "api/alerts/triage_store.h"
#include "api/jobs/erasure.h"
#include "api/node/node_service.h"
#include "cep/base/result.h"
#include "runtime/archive/archive_writer.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/files.h"
#include "runtime/store/rocks_store.h"

namespace tocsin::api {
struct ErasurePorts {
  NodeService& node;
  runtime::EffectStore& effects;
  runtime::RocksStore& store;
  runtime::Files& files;
  runtime::Clock& clock;
  const runtime::DataPaths& paths;
  /// Of the rules that hold now.
  std::function<cep::Program()> program;
  std::function<std::string(const std::string& value)> mark;
  runtime::ArchiveWriterOptions archive;
};

/// Threading: one caller.
class ErasureWork {
 public:
  /// `save` puts it on disk as it stands; `is_stopping` is asked now and then.
  ErasureWork(const ErasurePorts& ports, Erasure& erasure, std::function<Result<void>()> save,
              std::function<bool()> is_stopping)
      : ports_(ports),
        erasure_(erasure),
        save_(std::move(save)),
        is_stopping_(std::move(is_stopping)),
        triage_(ports.store) {}
  /// Does what is left, and saves each step. Fails with kStopped, and with whatever stood in its
  /// way: it can be called again.
  Result<void> run();

 private:
  Result<void> erase_state();
  Result<void> erase_once();
  Result<void> take_checkpoint();
  Result<void> leave_journal();
  Result<bool> is_journal_left();
  Result<void> erase_archive();
  Result<void> erase_alerts();
  // `timeline`: of the records that the commands stand among.
  Result<void> erase_alerts(runtime::ValueFinder& finder, std::uint32_t timeline);
  Result<void> erase_side_output(runtime::ValueFinder& finder, std::uint32_t timeline);
  Result<void> look_for_remains();
  Result<void> ask(std::function<Result<void>(runtime::Node&)> question);
  Result<void> pause() const;
  runtime::ValueFinder finder() const;

  const ErasurePorts& ports_;
  Erasure& erasure_;
  std::function<Result<void>()> save_;
  std::function<bool()> is_stopping_;
  TriageStore triage_;
};
}  // namespace tocsin::api
