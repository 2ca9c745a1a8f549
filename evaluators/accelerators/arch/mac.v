// One processing element: operands arrive, go on to the neighbour one cycle later, and their product is accumulated.
module mac #(parameter W = 8, parameter ACC = 32) (
  input clk, input clear,
  input signed [W-1:0] a, input signed [W-1:0] b,
  output reg signed [W-1:0] a_out, output reg signed [W-1:0] b_out,
  output reg signed [ACC-1:0] acc);
  always @(posedge clk) begin
    a_out <= a;
    b_out <= b;
    acc <= (clear ? {ACC{1'b0}} : acc) + a * b;
  end
endmodule
