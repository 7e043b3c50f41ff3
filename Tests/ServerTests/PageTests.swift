// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Server
import Testing

extension Serving {
  @Suite struct PageTests {
    @Test func nothingComesFromElsewhere() async throws {
      try await withServer { live in
        let page = try #require(try await live.get("/"))
        #expect(page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.headers["content-security-policy"]?.contains("default-src 'none'") == true)
        #expect(!page.body.contains("http://") && !page.body.contains("https://") && !page.body.contains("src="))
      }
    }

    /// A browser opens the page with a prompt and a response in its address, and scores them.
    @Test(.enabled(if: Programs.chromium != nil, "no chromium")) func aBrowserScores() async throws {
      try await withServer { live in
        let dom = try await open(live, "?prompt=%3Cimg%20src%3Dx%3E&response=%3Cb%3Eb%3C/b%3E")
        #expect(dom.contains(#"data-state="scored""#))
        #expect(dom.contains("test judge"))
        // The bytes of "<b>b</b>" are 585 = 18 modulo 21.
        #expect(dom.contains(#"<output id="score">13.50</output>"#))
        #expect(dom.contains("of 0 to 20"))
        #expect(dom.contains("standard deviation 7.79"))
        #expect(dom.components(separatedBy: #"class="bin""#).count == 22)
        #expect(dom.contains(#"title="18: 75.0 %""#))
        #expect(dom.contains(#"data-name="helpfulness""#))
        #expect(dom.contains(#"data-name="verbosity""#))
        #expect(dom.contains("width: 37.5%"))
        #expect(dom.contains("width: 75%"))
        #expect(!dom.contains("<img src=x>"))
        #expect(!dom.contains("<b>b</b>"))
      }
    }

    @Test(.enabled(if: Programs.chromium != nil, "no chromium")) func aBrowserShowsErrors() async throws {
      try await withServer { live in
        let dom = try await open(live, "?prompt=p&response=too%20long")
        #expect(dom.contains(#"data-state="failed""#))
        #expect(dom.contains("expected at most 9 tokens"))
        #expect(dom.contains("Shorten it."))
      }
    }

    private func open(_ live: LiveServer, _ query: String) async throws -> String {
      let folder = NSTemporaryDirectory() + "dist2-chromium-\(UUID().uuidString)"
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let address = "http://127.0.0.1:\(live.port)/\(query)"
      return try await onThread {
        try Programs.run(
          Programs.chromium!,
          [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=\(folder)",
            "--virtual-time-budget=5000", "--timeout=20000", "--dump-dom", address,
          ]
        ).output
      }
    }
  }
}
