# shellcheck shell=bash disable=SC2034,SC2016
# The suites of `./do test`; sourced by ./do.

# Test programs made by tests/CMakeLists.txt; one without sources is passed over.
unit_suites=(house cep rules runtime api library property)

# What a script needs beyond the program: a part of ./do setup. A unit suite needs the part tests. A
# suite whose part is not installed and cannot be is skipped, and says so.
declare -A suite_part=([stages]=tests [docs]=tests [c-library]=tests [conformance]=tests [fuzz]=tests [simulation]=tests [crash]=tests
  [serve-crash]=tests [bad-disk]=tests [serve-room]=tests [shake]=tests [instructions]=bench [kafka]=kafka [kafka-sink]=kafka
  [kafka-formats]=kafka [package]=package [neovim]=editors [vscode]=editors [lsp-types]=editors [tree-sitter]=editors [console]=console [console-browser]=browser [console-pictures]=browser [python]=python [contract]=python [serve-backups-s3]=python [flink]=flink)

# Suites of the build release alone: they look at texts and packages, or run again what other suites run of the program.
release_only=(house verbs lint-checks bench-serve demo docs catalogue lsp-types vscode tree-sitter console console-browser
  console-pictures python flink package instructions shake stages)

# Suites that come last under the sanitizers, where time may run out: they take long, and much of the server that they try is tried by
# others before them.
last_of_sanitizers=(same-alerts serve-forget serve-archive serve-backtests serve-backups-s3 contract attack soak)

# Unit suites that are built before all else where the minutes are counted: the engine and the language.
built_first=(cep rules property)

# Suites that are scripts: "name|command", run in the repository root by bash after the unit suites,
# with TOCSIN_BINARY, TOCSIN_BUILD_DIR and TOCSIN_QUICK (0 or 1) set. The last line of output that
# reads `N passed, N failed` is the suite's count.
script_suites=(
  'stages|bash tests/property/stages.sh --jobs "$TOCSIN_CASES_STAGE_JOBS"'
  'samples|"$TOCSIN_BINARY" test samples'
  'language|"$TOCSIN_BINARY" test tests/language'
  'c-library|python3 tests/e2e/c_library.py "$TOCSIN_BINARY"'
  'python|bash python/tests/run.sh'
  'flink|bash runtime/flink/test.sh'
  'verbs|python3 tests/e2e/do_verbs.py "$TOCSIN_BINARY"'
  'lint-checks|python3 tests/e2e/lint_checks.py "$TOCSIN_BINARY"'
  'bench-serve|python3 tests/e2e/bench_serve.py "$TOCSIN_BINARY"'
  'demo|TOCSIN_DEMO_EVENTS=20000 bash scripts/demo.sh && echo "1 passed, 0 failed"'
  'cli|python3 tests/e2e/command_line.py "$TOCSIN_BINARY"'
  'cli-runs|python3 tests/e2e/command_line_runs.py "$TOCSIN_BINARY"'
  'embedded|python3 tests/e2e/embedded_tests.py "$TOCSIN_BINARY"'
  'failed-tests|python3 tests/e2e/failed_tests.py "$TOCSIN_BINARY"'
  'explain|python3 tests/e2e/explain.py "$TOCSIN_BINARY"'
  'flink-plan|python3 tests/e2e/flink_plan.py "$TOCSIN_BINARY"'
  'savepoint-conversion|python3 tests/e2e/savepoint_conversion.py "$TOCSIN_BINARY"'
  'trace|python3 tests/e2e/trace.py "$TOCSIN_BINARY"'
  'format|python3 tests/e2e/format.py "$TOCSIN_BINARY"'
  'lsp|python3 tests/e2e/lsp.py "$TOCSIN_BINARY"'
  'lsp-declared-events|python3 tests/e2e/lsp_declared_events.py "$TOCSIN_BINARY"'
  'lsp-lenses|python3 tests/e2e/lsp_lenses.py "$TOCSIN_BINARY"'
  'lsp-types|bash tests/lsp/run.sh'
  'neovim|python3 tests/e2e/neovim.py "$TOCSIN_BINARY"'
  'grammars|python3 tests/e2e/grammars.py "$TOCSIN_BINARY"'
  'vscode|python3 tests/e2e/vscode.py "$TOCSIN_BINARY"'
  'tree-sitter|python3 tests/e2e/tree_sitter_grammar.py "$TOCSIN_BINARY"'
  'console-build|python3 tests/e2e/console_build.py "$TOCSIN_BINARY"'
  'console|bash console/tests/run.sh units'
  'console-browser|bash console/tests/run.sh browser'
  'console-pictures|bash console/tests/run.sh compare'
  'backtest|python3 tests/e2e/backtest.py "$TOCSIN_BINARY"'
  'csv|python3 tests/e2e/csv_inputs.py "$TOCSIN_BINARY"'
  'bad-input|python3 tests/e2e/bad_input.py "$TOCSIN_BINARY"'
  'verify|python3 tests/e2e/verify.py "$TOCSIN_BINARY"'
  'webhooks|python3 tests/e2e/webhooks.py "$TOCSIN_BINARY"'
  'serve|python3 tests/e2e/serve.py "$TOCSIN_BINARY"'
  'serve-tls|python3 tests/e2e/serve_tls.py "$TOCSIN_BINARY"'
  'serve-people|python3 tests/e2e/serve_people.py "$TOCSIN_BINARY"'
  'serve-openid|python3 tests/e2e/serve_openid.py "$TOCSIN_BINARY"'
  'serve-four-eyes|python3 tests/e2e/serve_four_eyes.py "$TOCSIN_BINARY"'
  'serve-tokens|python3 tests/e2e/serve_tokens.py "$TOCSIN_BINARY"'
  'serve-secrets|python3 tests/e2e/serve_secrets.py "$TOCSIN_BINARY"'
  'serve-rules|python3 tests/e2e/serve_rules.py "$TOCSIN_BINARY"'
  'serve-language|python3 tests/e2e/serve_language.py "$TOCSIN_BINARY"'
  'serve-lists|python3 tests/e2e/serve_lists.py "$TOCSIN_BINARY"'
  'serve-alerts|python3 tests/e2e/serve_alerts.py "$TOCSIN_BINARY"'
  'serve-stream|python3 tests/e2e/serve_stream.py "$TOCSIN_BINARY"'
  'serve-gates|python3 tests/e2e/serve_gates.py "$TOCSIN_BINARY"'
  'serve-replay|python3 tests/e2e/serve_replay.py "$TOCSIN_BINARY"'
  'serve-changes|python3 tests/e2e/serve_changes.py "$TOCSIN_BINARY"'
  'serve-traces|python3 tests/e2e/serve_traces.py "$TOCSIN_BINARY"'
  'serve-explanation|python3 tests/e2e/serve_explanation.py "$TOCSIN_BINARY"'
  'serve-alert-tests|python3 tests/e2e/serve_alert_tests.py "$TOCSIN_BINARY"'
  'serve-profile|python3 tests/e2e/serve_profile.py "$TOCSIN_BINARY"'
  'serve-demo|python3 tests/e2e/serve_demo.py "$TOCSIN_BINARY"'
  'serve-settings|python3 tests/e2e/serve_settings.py "$TOCSIN_BINARY"'
  'serve-archive|python3 tests/e2e/serve_archive.py "$TOCSIN_BINARY"'
  'serve-keys|python3 tests/e2e/serve_keys.py "$TOCSIN_BINARY"'
  'serve-forget|python3 tests/e2e/serve_forget.py "$TOCSIN_BINARY"'
  'serve-backtests|python3 tests/e2e/serve_backtests.py "$TOCSIN_BINARY"'
  'serve-backups|python3 tests/e2e/serve_backups.py "$TOCSIN_BINARY"'
  'serve-backups-s3|python3 tests/s3/serve_backups_s3.py "$TOCSIN_BINARY"'
  'same-alerts|python3 tests/e2e/same_alerts.py "$TOCSIN_BINARY"'
  'serve-hostile|python3 tests/e2e/serve_hostile.py "$TOCSIN_BINARY"'
  'contract|python3 tests/contract/contract.py "$TOCSIN_BINARY"'
  'attack|python3 tests/attack/attack.py "$TOCSIN_BINARY"'
  'soak|python3 tests/soak/soak.py "$TOCSIN_BINARY"'
  'serve-events|python3 tests/e2e/serve_events.py "$TOCSIN_BINARY"'
  'shake|bash tests/shake/shake.sh --time 1s serve-events'
  'serve-room|python3 tests/e2e/serve_room.py "$TOCSIN_BINARY"'
  'server-commands|python3 tests/e2e/server_commands.py "$TOCSIN_BINARY"'
  'deploy|python3 tests/e2e/deploy_files.py "$TOCSIN_BINARY"'
  'serve-delivery|python3 tests/e2e/serve_delivery.py "$TOCSIN_BINARY"'
  'durable|python3 tests/e2e/durable.py "$TOCSIN_BINARY"'
  'durable-files|python3 tests/e2e/durable_files.py "$TOCSIN_BINARY"'
  'file-series|python3 tests/e2e/file_series.py "$TOCSIN_BINARY"'
  'operations|python3 tests/e2e/operations.py "$TOCSIN_BINARY"'
  'kafka|python3 tests/kafka/kafka.py "$TOCSIN_BINARY"'
  'kafka-sink|python3 tests/kafka/kafka_sink.py "$TOCSIN_BINARY"'
  'kafka-formats|python3 tests/kafka/kafka_formats.py "$TOCSIN_BINARY"'
  'package|python3 tests/package/package.py "$TOCSIN_BINARY"'
  'docs|python3 tests/e2e/docs_examples.py "$TOCSIN_BINARY"'
  'catalogue|python3 tests/e2e/catalogue.py "$TOCSIN_BINARY"'
  'workload|python3 tests/e2e/payments_workload.py "$TOCSIN_BINARY" "$([ "$TOCSIN_QUICK" = 1 ] && echo 20000 || echo 100000)"'
  'instructions|python3 bench/instructions.py "$TOCSIN_BUILD_DIR"'
  'streams|python3 tests/e2e/real_streams.py "$TOCSIN_BINARY"'
  'conformance|tests/conformance/run.sh'
  'fuzz|tests/fuzz/run.sh --replay'
  'simulation|"$TOCSIN_BUILD_DIR/tests/simulation" --seeds "$TOCSIN_CASES_SIMULATION"'
  'golden-journal|python3 tests/crash/golden_journal.py "$TOCSIN_BINARY"'
  'golden-state|python3 tests/state/golden_state.py "$TOCSIN_BINARY"'
  'crash|python3 tests/crash/crash.py "$TOCSIN_BINARY" --kind run --rounds "$TOCSIN_CASES_CRASH" --points "$TOCSIN_CASES_CRASH_POINTS" --seed 1'
  'serve-crash|python3 tests/crash/crash.py "$TOCSIN_BINARY" --kind servers --rounds "$TOCSIN_CASES_SERVE_CRASH" --points "$TOCSIN_CASES_SERVE_CRASH_POINTS" --seed 1'
  'bad-disk|python3 tests/crash/bad_disk.py "$TOCSIN_BINARY"'
  'corruption|python3 tests/crash/corruption.py "$TOCSIN_BINARY" --damages "$TOCSIN_CASES_CORRUPTION" --seed 1'
)
