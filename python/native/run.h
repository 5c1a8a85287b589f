/// A run of the C interface.
#pragma once
#include <nanobind/nanobind.h>
#include <tocsin.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "pack.h"

namespace tocsin::python {
struct FreeRun {
  void operator()(tocsin_run* run) const { tocsin_run_free(run); }
};
/// Each method is the function of that name; the interpreter's lock is free while it works.
class Run {
 public:
  Run(const Pack& pack, const std::string& options);
  tocsin_run* get() { return run_.get(); }
  std::uint32_t source(const std::string& name);
  /// How many bytes were taken from `begin` on, at most `most`; and why not all, or None.
  std::pair<std::size_t, nanobind::object> push(std::uint32_t source, nanobind::bytes data,
                                                std::size_t begin, std::size_t most);
  void end_source(std::uint32_t source);
  void set_clock(std::int64_t now_us);
  void advance(std::int64_t watermark_us);
  void finish(bool end_of_time);
  nanobind::bytes take(int output);
  std::int64_t watermark();
  nanobind::bytes statistics();

 private:
  std::unique_ptr<tocsin_run, FreeRun> run_;
};
void bind_run(nanobind::module_& module);
}  // namespace tocsin::python
