module cand(input [7:0] a, input [7:0] b, output reg [15:0] p);
  integer i;
  always @* begin
    p = 16'd0;
    for (i = 0; i < 1000000000; i = i + 1) p = p + (a ^ i);
  end
endmodule
