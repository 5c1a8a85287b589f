/// What can be said of a data directory without reading all of it.
#pragma once
#include <string>
#include <vector>

#include "cep/value/time.h"
#include "runtime/io/files.h"

namespace tocsin::api {
struct DoctorFinding {
  std::string detail;
  std::string remedy;
  bool is_refused = false;  // the program does not start with it
};
struct DoctorReport {
  std::vector<std::string> facts;
  std::vector<DoctorFinding> findings;
};
/// Format, checkpoints, permissions, clock and room of the directory at `path`, which may be in
/// use. Nothing is changed.
DoctorReport examine_data(runtime::Files& files, const std::string& path, cep::EventTime now);
}  // namespace tocsin::api
