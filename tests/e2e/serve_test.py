# `hypertune serve` and `hypertune run --serve`: the dashboard's server from outside.
import http.client
import json
import signal
import socket
import time
import urllib.parse

import program
from program import ProgramTest

TOKEN = "a token that is long enough"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode()

    def json(self):
        return json.loads(self.body)


class ServeTest(ProgramTest):
    def store(self):
        self.write_study()
        self.assert_succeeds(self.run_program("run", "study.toml", "--quiet", "--no-figures"))

    def serve(self, *arguments):
        """The program, and the address that it printed."""
        process = self.start_program("serve", *arguments)
        line = process.stdout.readline()
        self.assertTrue(line.startswith("http://"), line or process.stderr.read())
        return process, urllib.parse.urlsplit(line.strip())

    def ask(self, port, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, body=body,
                           headers={name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())

    def end(self, process, with_signal=signal.SIGINT):
        process.send_signal(with_signal)
        return self.finish(process)

    def test_a_run_folder_is_served_until_it_is_asked_to_stop(self):
        self.store()
        process, url = self.serve("runs/small", "--port", "0")
        self.assertEqual(url.hostname, "127.0.0.1")
        session = self.ask(url.port, "/api/session").json()
        self.assertFalse(session["control"])
        studies = self.ask(url.port, "/api/studies").json()["studies"]
        self.assertEqual([(study["name"], study["state"], study["counts"]["complete"])
                          for study in studies], [("small", "done", 4)])
        page = self.ask(url.port, "/")
        self.assertEqual(page.status, 200)
        self.assertIn("Content-Security-Policy", page.headers)
        result = self.end(process)
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("Ctrl-C", result.err)
        other, _ = self.serve("runs/small", "--port", str(url.port))  # at once
        self.assertEqual(self.end(other, signal.SIGTERM).code, 0)

    def test_a_stop_does_not_wait_for_listeners(self):
        self.store()
        process, url = self.serve("--port", "0")
        listener = socket.create_connection(("127.0.0.1", url.port), timeout=30)
        self.addCleanup(listener.close)
        listener.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = b""
        while b"event: hello" not in text:
            text += listener.recv(4096)
        self.assertEqual(self.end(process).code, 0)
        while listener.recv(4096):
            pass

    def test_foreign_hosts_pages_and_paths_are_refused(self):
        self.store()
        _, url = self.serve("--port", "0", "--host", "lab.example")
        self.assertEqual(self.ask(url.port, "/", Host="evil.example").status, 421)
        self.assertEqual(self.ask(url.port, "/", Host="lab.example").status, 200)
        self.assertEqual(self.ask(url.port, "/api/studies", Origin="http://evil.example").status, 403)
        for path in ["/etc/passwd", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2fstudy.db",
                     "/assets/..%2f..%2fetc%2fpasswd", "/assets/%5c..%5cstudy.db", "//etc/passwd",
                     "/study.db", "/runs/small/study.db", "/assets/%00index.html"]:
            self.assertEqual(self.ask(url.port, path).status, 404, path)

    def test_changes_need_permission_and_the_token_of_the_page(self):
        self.store()
        _, url = self.serve("--port", "0")
        csrf = self.ask(url.port, "/api/session").json()["csrf"]
        change = dict(method="PUT", body='{"text": "hello", "version": 0}',
                      Content_Type="application/json")
        refused = self.ask(url.port, "/api/studies/1/note", X_CSRF_Token=csrf, **change)
        self.assertEqual(refused.status, 403)
        self.assertIn("--allow-control", refused.json()["error"]["message"])
        _, url = self.serve("--port", "0", "--allow-control")
        csrf = self.ask(url.port, "/api/session").json()["csrf"]
        self.assertEqual(self.ask(url.port, "/api/studies/1/note", **change).status, 403)
        self.assertEqual(
            self.ask(url.port, "/api/studies/1/note", X_CSRF_Token=csrf, **change).status, 200)
        self.assertEqual(self.ask(url.port, "/api/studies/1/note").json()["text"], "hello")

    def test_the_token_is_traded_for_a_cookie_and_not_listed_among_processes(self):
        self.store()
        process, url = self.serve("--port", "0", "--token", TOKEN)
        with open(f"/proc/{process.pid}/cmdline") as file:
            self.assertNotIn(TOKEN, file.read())
        self.assertEqual(self.ask(url.port, "/api/studies").status, 401)
        answer = self.ask(url.port, "/?" + urllib.parse.urlencode({"token": TOKEN}))
        self.assertEqual((answer.status, answer.headers["Location"]), (303, "/"))
        cookie = answer.headers["Set-Cookie"]
        for word in ["HttpOnly", "SameSite=Strict", "Path=/"]:
            self.assertIn(word, cookie)
        self.assertNotIn(TOKEN, cookie)
        self.assertEqual(
            self.ask(url.port, "/api/studies", Cookie=cookie.split(";")[0]).status, 200)

    def test_other_machines_need_a_token(self):
        self.store()
        _, url = self.serve("--port", "0", "--bind", "0.0.0.0")
        token = urllib.parse.parse_qs(url.query)["token"][0]
        self.assertGreaterEqual(len(token), 32)
        self.assertEqual(self.ask(url.port, "/api/studies").status, 401)
        self.assertEqual(self.ask(url.port, "/api/studies",
                                  Authorization="Bearer " + token).status, 200)

    def test_the_usual_port_gives_way_and_a_chosen_one_does_not(self):
        self.store()
        _, first = self.serve()
        _, second = self.serve()
        self.assertNotEqual(first.port, second.port)
        self.assert_refused(self.run_program("serve", "--port", str(first.port)),
                            str(first.port), "--port")

    def test_wrong_arguments_are_refused(self):
        self.assert_refused(self.run_program("serve"), "no study in runs/")
        self.assert_refused(self.run_program("serve", "nothing"), "nothing")
        self.store()
        for arguments, *words in [(("--port", "70000"), "--port", "65535"),
                                  (("--port", "x"), "--port"),
                                  (("--bind", "no address"), "no address", "--bind"),
                                  (("--bind", "192.0.2.1"), "192.0.2.1"),
                                  (("--token", "short"), "token", "16")]:
            with self.subTest(arguments):
                self.assert_refused(self.run_program("serve", *arguments), *words)
        self.assert_refused(self.run_program("run", "study.toml", "--serve=x"), "--serve")

    def test_all_studies_of_a_store_are_served(self):
        self.write_study()
        for name in ["one", "two"]:
            self.assert_succeeds(self.run_program(
                "run", "study.toml", "--quiet", "--no-figures", "--storage", "all.db", "--set",
                f"study.name={name}"))
        _, url = self.serve("all.db", "--port", "0")
        studies = self.ask(url.port, "/api/studies").json()["studies"]
        self.assertEqual(sorted(study["name"] for study in studies), ["one", "two"])

    def test_output_is_not_looked_for_where_the_name_of_another_programs_study_leads(self):
        (self.work / "trials/0").mkdir(parents=True)
        (self.work / "trials/0/stdout.txt").write_text("hello\n")
        (self.work / "odd.csv").write_text("number,state,x,loss\n0,complete,1,2\n")
        for name, status in [("good", 200), ("../good", 404), ("/good", 404), ("..", 404)]:
            database = f"{status}-{len(name)}.db"
            self.assert_succeeds(self.run_program(
                "import", "odd.csv", "--objective", "loss:minimize", "--as", name, "--storage",
                database))
            _, url = self.serve(database, "--port", "0")
            with self.subTest(name):
                output = self.ask(url.port, "/api/studies/1/trials/0/output")
                self.assertEqual(output.status, status)

    def test_a_run_shows_itself_as_it_happens(self):
        self.write_study(program.LONG_STUDY)
        process = self.start_program("run", "study.toml", "--no-figures", "--serve=0", "--json")
        line = process.stderr.readline()
        self.assertTrue(line.startswith("Dashboard: http://127.0.0.1:"), line)
        port = urllib.parse.urlsplit(line.split()[1]).port
        deadline = time.monotonic() + program.TIME_LIMIT_S
        running = 0
        while not running and time.monotonic() < deadline:
            running = self.ask(port, "/api/studies").json()["studies"][0]["counts"]["running"]
        self.assertEqual(running, 1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).code, 130)


if __name__ == "__main__":
    program.main()
