//! Transcripts of the server's commands: each file of `cmd/` is commands and what they answer, to be read as well as run.

#[test]
fn the_program_answers_as_its_transcripts_say() {
    trycmd::TestCases::new()
        .env("LC_ALL", "C.UTF-8")
        .case("tests/cmd/*.trycmd");
}
