// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Foundation
import Recipes

/// The command line: `dist2 SUBCOMMAND`. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.
@main struct Dist2: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dist2",
    abstract: "Teach autoregressive models the distance between their tokens, and find out whether it helped.",
    version: versionLine,
    subcommands: [
      DemoCommand.self, InitCommand.self, InspectCommand.self, TrainCommand.self, CompareCommand.self,
      Reproduce<StudyOptions>.self, ReferenceCommand.self, EvaluateCommand.self, GenerateCommand.self,
      ScoreCommand.self, ServeCommand.self, PolicyCommand.self, NewDataCommand.self,
      NewLMCommand.self, NewVLMCommand.self, ImageCodesCommand.self, ImageSamplesCommand.self, ImageMetricsCommand.self,
      ExportCommand.self, ReproduceCommand.self, ImportCommand.self, SchemaCommand.self, DoctorCommand.self,
    ])

  static func main() {
    if ProcessInfo.processInfo.environment["DIST2_PARSE_ONLY"] != nil { return parseLines() }
    var command: any ParsableCommand = Dist2()
    do {
      try prepareProcess()
      try requireTextArguments()
      command = try parseAsRoot()
      // What no narrower scope catches ends the command with words, too.
      try withWordsForTensors { try command.run() }
    } catch let error as ValidationError {
      // Found while it runs; what parsing finds is of another type.
      _ = ByteStream.standardError.tryWrite(words(error, of: type(of: command)) + "\n")
      Foundation.exit(2)
    } catch let code as ExitCode {
      // Everything has been said already.
      Foundation.exit(code.rawValue)
    } catch let stopped as StoppedComputing {
      complain("\(stopped)")
      Foundation.exit(130)
    } catch let error where exitCode(for: error) == .validationFailure {
      // Wrong usage: ArgumentParser's own words, but the exit code that shells expect.
      let message = unknownCommand(CommandLine.arguments) ?? wrappingUsage(fullMessage(for: error))
      _ = ByteStream.standardError.tryWrite(message + "\n")
      Foundation.exit(2)
    } catch let error where exitCode(for: error) == .success {
      // Help, version, a script for the shell.
      print(wrappingUsage(fullMessage(for: error)))
      Foundation.exit(0)
    } catch {
      complain("\(error)")
      Foundation.exit(1)
    }
  }

  /// For tests: reads command lines from standard input, words apart by spaces, and says of each in one line what
  /// parsing it comes to. Nothing is run. One process answers for hundreds of options; starting one takes half a second.
  private static func parseLines() {
    while let line = readLine() {
      do {
        _ = try parseAsRoot(line.split(separator: " ").map(String.init))
        print("")
      } catch {
        print(String(fullMessage(for: error).prefix { $0 != "\n" }))
      }
    }
  }
}
