// `hypertune serve`: shows the studies of a store in a browser, as they happen.
#include <fmt/format.h>

#include <cstdlib>
#include <future>

#include "base/process.h"
#include "cli/app.h"
#include "cli/dashboard.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "hypertune/error.h"
#include "serve/gate.h"

namespace hypertune {
namespace {

constexpr const char* kTokenVariable = "HYPERTUNE_TOKEN";

struct ServeCommandOptions {
  std::string where;
  std::string port;  ///< empty: the usual one, or the next that is free
  std::string bind = "127.0.0.1";
  std::vector<std::string> hosts;
  std::string token;
  bool allow_control = false;
  bool open = false;
};

ServeOptions serve_options(const ServeCommandOptions& options) {
  ServeOptions serve{
      .bind = options.bind, .hosts = options.hosts, .allow_control = options.allow_control};
  if (options.port.empty()) {
    serve.port = kDashboardPort;
    serve.ports = kPortsToTry;
  } else {
    serve.port = parse_port("--port", options.port);
  }
  const char* given = std::getenv(kTokenVariable);
  serve.token = !options.token.empty() || given == nullptr ? options.token : given;
  if (serve.token.empty() && !is_loopback(options.bind)) serve.token = make_token();
  return serve;
}

/// In the user's browser, which goes on when we end.
void open_in_browser(const std::string& url) {
  try {
    Process({.argv = {"xdg-open", url}}).leave_running();
  } catch (const Error& error) {
    print_notice(fmt::format("Cannot open a browser: {}\n", error.what()));
  }
}

int serve(const ServeCommandOptions& options) {
  const FoundStore store = find_store(options.where);
  const ServeOptions wanted = serve_options(options);
  std::promise<void> stopped;
  const Interrupts interrupts({.on_stop = [&] { stopped.set_value(); }});
  const auto server = serve_store(store, wanted);
  fmt::print("{}\n", server->url());
  if (finish_output(kDone) != kDone) return kRunFailed;  // nobody could find it
  print_notice(fmt::format("Serving {}. Ctrl-C ends it.\n", masked_url(store.url)));
  if (options.open) open_in_browser(server->url());
  stopped.get_future().wait();
  return kDone;
}

}  // namespace

void add_serve_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("serve", "Show studies in a browser, as they happen; print the address");
  auto options = std::make_shared<ServeCommandOptions>();
  command
      ->add_option("STUDY", options->where,
                   "URL of a store, run folder, study.db or study file (default: the store in "
                   "HYPERTUNE_STORAGE, or else the only study in runs/)")
      ->type_name("");
  command
      ->add_option("--port", options->port,
                   fmt::format("Port to listen on; 0: any that is free (default: {}, or the next "
                               "that is free)",
                               kDashboardPort))
      ->type_name("PORT");
  command
      ->add_option("--bind", options->bind,
                   "Address to listen on; one that other machines reach demands a token")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command
      ->add_option("--host", options->hosts,
                   "Further name under which browsers ask for the page; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--token", options->token,
                   "Secret that the address must have; others can see it while the command starts: "
                   "better set HYPERTUNE_TOKEN (default: none on loopback, elsewhere a new one)")
      ->type_name("TOKEN");
  command->add_flag("--allow-control", options->allow_control,
                    "Let the page stop, retry and enqueue trials, and write notes");
  command->add_flag("--open", options->open, "Open the address in a browser");
  command->footer(
      "Whoever may use this machine can see the studies, unless there is a token.\n"
      "\n"
      "Examples:\n"
      "  hypertune serve runs/my-study --open\n"
      "  hypertune serve postgresql://me@host/studies --allow-control\n"
      "  hypertune serve --bind 0.0.0.0 --port 8888");
  command->callback([options, &call] { call.action = [options] { return serve(*options); }; });
}

}  // namespace hypertune
