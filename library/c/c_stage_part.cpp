#include "library/c/c_stage_part.h"

namespace tocsin::library {
Error rules_stay() {
  return {Errc::kInvalidArgument,
          "the rules of this stage do not change while the job runs: stop the job, and go on from "
          "its state with the next rules"};
}

std::optional<int> StagePart::put_event(std::string_view /*line*/,
                                        std::optional<cep::EventTime> /*engine_time*/,
                                        cep::ArrivalNumber /*arrival*/,
                                        std::uint32_t /*equal_number*/) {
  return std::nullopt;
}
std::optional<Result<int>> StagePart::put_line(std::string_view /*source*/,
                                               std::string_view /*line*/,
                                               std::optional<cep::EventTime> /*taken_at*/,
                                               cep::ArrivalNumber /*arrival*/) {
  return std::nullopt;
}
std::optional<cep::EventTime> StagePart::source_watermark(std::string_view /*source*/) {
  return std::nullopt;
}
bool StagePart::end_source(std::string_view /*source*/) { return false; }
std::optional<std::string> StagePart::take_lines(int /*output*/) { return std::nullopt; }
Result<void> StagePart::put(std::string_view /*block*/) {
  return fail(Errc::kInvalidArgument, "a source takes no blocks");
}
Result<void> StagePart::prepare(const cep::Program& /*next*/, cep::EventTime /*from*/) {
  return tl::unexpected(rules_stay());
}
bool StagePart::write_cut(cep::StageSink& /*sink*/, std::size_t /*bytes_max*/) { return true; }
Result<cep::RestoreReport> StagePart::begin_restore(
    const std::map<std::uint32_t, std::string>& /*heads*/, std::string_view /*layout*/) {
  return fail(Errc::kInvalidArgument, "a source keeps no state");
}
Result<void> StagePart::restore(cep::KeyGroup /*group*/, std::string_view /*key*/,
                                std::string_view /*value*/) {
  return fail(Errc::kInvalidArgument, "a source keeps no state");
}
}  // namespace tocsin::library
