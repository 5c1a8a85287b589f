/// `tocsin flink plan`: how rules run as a job of Apache Flink, over several machines.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_flink_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
