// SPDX-License-Identifier: Apache-2.0
import Foundation
import Recipes
import Reports
import Synchronization
import Testing
import TokenModels
import Torch
import TorchNN

/// What is said while a model is read.
@Suite struct LoadingDisplayTests {
  private final class Stage: Sendable {
    let texts = Mutex<[String]>([])
    let seconds = Mutex(0.0)

    var terminal: Terminal {
      Terminal(
        isInteractive: false, hasColor: false, hasUnicode: true, size: { Terminal.Size(columns: 100, rows: 30) },
        write: { [self] text in texts.withLock { $0.append(text) } })
    }
    var shown: String { texts.withLock { $0.joined() } }
    func pass(_ time: Double) { seconds.withLock { $0 += time } }
  }

  @Test func aBarAppearsAfterTwoSeconds() {
    let stage = Stage()
    let display = LoadingDisplay("llama", stage.terminal, clock: { stage.seconds.withLock { $0 } })
    for tensor in 1...4 {
      display.show(.reading, tensor, 9)
      stage.pass(0.45)
    }
    #expect(stage.shown.isEmpty)
    stage.pass(1)
    display.show(.reading, 5, 9)
    #expect(stage.shown.contains("reading llama"))
    display.show(.quantizing, 1, 7)
    stage.pass(20)
    display.show(.quantizing, 4, 7)
    #expect(stage.shown.contains("quantising llama"))
    #expect(stage.shown.contains("4/7"))
  }

  @Test func everyTensorAndEveryLayerCounts() throws {
    let tiny = try TinyRun()
    var told = [(LoadStage, Int, Int)]()
    let options = LoadOptions(dtype: .float32, quantization: QuantizationSettings())
    let model = try loadModel(folder: tiny.folder + "/model", options: options) { told.append(($0, $1, $2)) }
    #expect(model.isQuantized)
    let read = told.filter { $0.0 == .reading }, made = told.filter { $0.0 == .quantizing }
    #expect(read.map(\.1) == Array(1...read.count) && read.allSatisfy { $0.2 == read.count })
    #expect(made.map(\.1) == Array(1...made.count) && made.allSatisfy { $0.2 == made.count })
  }
}
