// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Server
import Testing

extension Serving {
  @Suite struct MetricsTests {
    @Test func theTextIsPrometheusAndCountsRight() async throws {
      try await withServer(RewardModelControl()) { live in
        for response in ["a a", "b", "too long"] {
          _ = try await live.post("/score", #"{"prompt":"p","response":"\#(response)"}"#)
        }
        _ = try await live.post("/score", "{")
        _ = try await live.get("/etc/passwd")
        let answer = try #require(try await live.get("/metrics"))
        #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        let samples = try parse(answer.body)
        #expect(samples[#"dist2_requests_total{route="/score",status="200"}"#] == 2)
        #expect(samples[#"dist2_requests_total{route="/score",status="422"}"#] == 1)
        #expect(samples[#"dist2_requests_total{route="/score",status="400"}"#] == 1)
        #expect(samples[#"dist2_requests_total{route="other",status="404"}"#] == 1)
        #expect(samples[#"dist2_items_total{outcome="rated"}"#] == 2)
        #expect(samples[#"dist2_items_total{outcome="failed"}"#] == 1)
        #expect(samples["dist2_tokens_total"] == 3)
        #expect(samples["dist2_batch_items_count"] == 2)
        #expect(samples["dist2_batch_items_sum"] == 2)
        #expect(samples[#"dist2_batch_items_bucket{le="1.0"}"#] == 2)
        #expect(samples["dist2_queue_items"] == 0)
        #expect(samples["dist2_queue_limit"] == 1024)
        #expect(samples[#"dist2_request_duration_seconds_count{route="/score"}"#] == 4)
        #expect(!answer.body.contains("passwd"))
      }
    }

    /// Every line as the format has it, every sample after its type, buckets rising to the count.
    private func parse(_ text: String) throws -> [String: Double] {
      var samples: [String: Double] = [:], types: [String: String] = [:], last = (name: "", value: 0.0)
      #expect(text.hasSuffix("\n"))
      for line in text.split(separator: "\n") {
        if let match = line.wholeMatch(of: /# TYPE ([a-z_0-9]+) (counter|gauge|histogram)/) {
          #expect(types.updateValue(String(match.2), forKey: String(match.1)) == nil)
        } else if line.wholeMatch(of: /# HELP [a-z_0-9]+ .+/) == nil {
          let match = try #require(
            line.wholeMatch(of: /([a-z_][a-z_0-9]*)(\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? ([0-9.e+-]+)/),
            "\(line)")
          let name = String(match.1), value = try #require(Double(match.3))
          let family = name.replacing(/_(bucket|sum|count)$/, with: "")
          #expect(types[name] != nil || types[family] == "histogram", "\(line)")
          #expect(types[name] != "counter" || name.hasSuffix("_total"))
          if name.hasSuffix("_bucket"), last.name == name, !(match.2 ?? "").contains(#"le="0.001""#) {
            #expect(value >= last.value)
          }
          if name.hasSuffix("_count") { #expect(samples.contains { $0.key.contains("+Inf") && $0.value == value }) }
          last = (name, value)
          #expect(samples.updateValue(value, forKey: name + (match.2.map(String.init) ?? "")) == nil)
        }
      }
      return samples
    }
  }
}
