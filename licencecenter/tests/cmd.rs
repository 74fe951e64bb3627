//! Transcripts of the program: each file of `cmd/` is commands and what they answer, to be read as well as run.
//! Beside it stand the folder that it starts in (`.in`) and what must be there afterwards (`.out`).

#[test]
fn the_program_answers_as_its_transcripts_say() {
    trycmd::TestCases::new()
        .env("LC_ALL", "C.UTF-8")
        .case("tests/cmd/*.trycmd");
}
