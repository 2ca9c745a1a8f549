// Honest: adds a shifted copy of a for each bit of b.
module cand (
  input  wire [15:0] a,
  input  wire [15:0] b,
  output reg  [31:0] p
);
  integer i;
  always @* begin
    p = 0;
    for (i = 0; i < 16; i = i + 1)
      if (b[i]) p = p + ({{16{1'b0}}, a} << i);
  end
endmodule
